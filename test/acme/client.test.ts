import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { certificateId } from '../../src/acme/der/certificate.js';
import { addressBytes, identifierOf } from '../../src/acme/der/names.js';
import { valueAt, valuesIn } from '../../src/acme/der/reader.js';
import { certificateRequest } from '../../src/acme/der/request.js';
import { encode, objectIdentifier, unsigned } from '../../src/acme/der/writer.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { Account } from '../../src/acme/protocol/account.js';
import { AcmeClient } from '../../src/acme/protocol/client.js';
import { readDirectory } from '../../src/acme/protocol/directory.js';
import type { Fetch } from '../../src/acme/protocol/fetch.js';
import { thumbprint } from '../../src/acme/protocol/jws.js';
import { readAuthorization, readOrder } from '../../src/acme/protocol/objects.js';
import { AcmeError, problemOf, retryAfterOf } from '../../src/acme/protocol/problem.js';
import { readRenewalInfo } from '../../src/acme/protocol/renewal-info.js';
import { saveCertificate } from '../../src/acme/state/certificate-state.js';
import {
  loadRenewal,
  NEXT_KEY,
  NO_RENEWAL,
  RENEWAL,
  REQUEST,
  saveRenewal,
} from '../../src/acme/state/renewal-state.js';
import { FolderStorage } from '../../src/acme/state/storage.js';
import { documented } from '../documented.js';
import { findCommand } from '../run/packages.js';
import { DIRECTORY } from './fake-ca.js';
import { DAY, HOUR, MemoryStorage, MINUTE, startHost, testSession, World } from './setup.js';

t.test('X.690: lengths, integers and object identifiers in their shortest form', async (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  t.equal(hex(encode(4, new Uint8Array(127))).slice(0, 4), '047f');
  t.equal(hex(encode(4, new Uint8Array(128))).slice(0, 6), '048180');
  t.equal(hex(encode(4, new Uint8Array(65_536))).slice(0, 10), '0483010000');
  t.equal(hex(unsigned(Uint8Array.of(0, 0, 0x7f))), '02017f');
  t.equal(hex(unsigned(Uint8Array.of(0x80))), '02020080');
  t.equal(hex(unsigned(Uint8Array.of(0))), '020100');
  t.equal(hex(objectIdentifier('1.2.840.113549.1.9.14')), '06092a864886f70d01090e');
});

t.test('bytes of a CA that are no DER are read within bounds', async (t) => {
  const any = fc.uint8Array({ maxLength: 200 });
  let values = 0;
  let runs = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        any,
        any.map((bytes) => encode(0x30, bytes)),
      ),
      (bytes) => {
        runs++;
        const value = valueAt(bytes, 0, bytes.length);
        if (value !== undefined) values++;
        if (value !== undefined && (value.end > bytes.length || value.start > value.end)) return false;
        certificateId(bytes);
        return [...valuesIn(bytes, 0, bytes.length)].length <= 100;
      },
    ),
    { verbose: true },
  );
  t.ok(values > 0 && values < runs, `${values} of ${runs} begin with a value`);
});

const skip = findCommand('openssl') === undefined && 'needs openssl';
t.test(
  'RFC 2986: OpenSSL reads the request for a certificate, verifies it and finds the names',
  { skip },
  async (t) => {
    const names = ['*.example.org', 'example.org', '192.0.2.7', '2001:db8::7'].map((name) => identifierOf(name)!);
    const der = certificateRequest(nodeCrypto.generateKey(), names);
    const text = execFileSync('openssl', ['req', '-inform', 'DER', '-noout', '-text', '-verify'], {
      input: der,
      stdio: ['pipe', 'pipe', 'pipe'],
    }).toString();
    t.match(text, /DNS:\*\.example\.org, DNS:example\.org, IP Address:192\.0\.2\.7, IP Address:2001:DB8:0:0:0:0:0:7/);
    t.match(text, /ecdsa-with-SHA256/);
  },
);

t.test('names and addresses as the CA has them', async (t) => {
  const of = (text: string): string | undefined => identifierOf(text)?.value;
  t.equal(of('WWW.Example.ORG.'), 'www.example.org');
  t.equal(of('2001:DB8:0::1'), '2001:db8::1');
  for (const wrong of ['localhost', 'a..b', '-a.org', '*.*.org', 'a b.org', '1.2.3.400', 'ä.org', '*.', ''])
    t.equal(of(wrong), undefined, wrong);
  t.same([...addressBytes('::ffff:192.0.2.1')], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1]);
  t.same([...addressBytes('::')], new Array(16).fill(0));
});

t.test('RFC 7638: the thumbprint takes the members in the order of their names', async (t) => {
  const jwk = { y: 'b', x: 'a', kty: 'EC', crv: 'P-256' } as const;
  const sum = nodeCrypto.sha256(Buffer.from('{"crv":"P-256","kty":"EC","x":"a","y":"b"}'));
  t.equal(thumbprint(nodeCrypto, jwk), Buffer.from(sum).toString('base64url'));
});

t.test('RFC 9773 4.1: the identifier of a certificate, by the example of the RFC’s form', async (t) => {
  const world = new World();
  const host = await startHost(world);
  await world.run(HOUR);
  const certificate = new X509Certificate(host.used[0]!);
  const [key, serial] = certificateId(certificate.raw)!
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString('hex'));
  t.equal(
    serial!.replace(/^00/, ''),
    certificate.serialNumber.toLowerCase().padStart(serial!.replace(/^00/, '').length, '0'),
  );
  t.equal(key!.length, 40);
});

t.test('an external account is bound with the key that the CA gave (RFC 8555 7.3.4)', async (t) => {
  const world = new World();
  world.ca.external = { keyId: 'k1', hmacKey: Buffer.from('secret of the customer').toString('base64url') };
  const without = await startHost(world);
  await world.run(HOUR);
  t.match(without.notices[0], /--acme-eab/);
  const host = await startHost(world, { account: { email: undefined, agreed: true, external: world.ca.external } });
  await world.run(HOUR);
  t.equal(host.used.length, 1);
  t.equal(world.ca.registered[0]!['contact'], undefined);
});

t.test('without agreement to the terms there is no account, and the message says where they are', async (t) => {
  const world = new World();
  const host = await startHost(world, { account: { email: 'a@b.org', agreed: false } });
  await world.run(3 * DAY);
  t.match(host.notices[0], /https:\/\/ca\.test\/terms, and agree to them with --agree-tos/);
  t.ok(host.notices.length <= 4);
  t.equal(world.ca.registered.length, 0);
});

t.test('behind a failure, what was chosen otherwise is tried at once, and the same again is not', async (t) => {
  const world = new World();
  const refused = { account: { email: 'a@example.org', agreed: false }, choice: 'one' };
  const first = await startHost(world, refused);
  await world.run(MINUTE);
  t.match(first.notices, [/agree to them with --agree-tos; the next attempt is at/]);
  first.keeper.stop();
  const again = await startHost(world, refused, first.storage, first.accountStorage);
  await world.run(MINUTE);
  t.same([again.notices, world.ca.newOrders.length], [[], 0]);
  again.keeper.stop();
  const agreed = await startHost(world, { choice: 'two' }, first.storage, first.accountStorage);
  await world.run(MINUTE);
  t.same([agreed.notices, agreed.used.length], [[], 1]);
});

t.test('a profile that the CA does not have is told with those that it has', async (t) => {
  const world = new World();
  world.ca.meta = { profiles: { classic: 'x', shortlived: 'y' } };
  const wrong = await startHost(world, { profile: 'shortlife' });
  const right = await startHost(world, { profile: 'shortlived', names: ['b.example.org'] });
  await world.run(HOUR);
  t.match(wrong.notices[0], /no profile shortlife; it has: classic, shortlived/);
  t.equal(right.used.length, 1);
  t.equal(world.ca.newOrders[0]!.payload['profile'], 'shortlived');
});

t.test('an order that was begun goes on after a restart, with its key', async (t) => {
  const world = new World();
  world.ca.processing = { times: 1, retryAfter: 600 };
  const first = await startHost(world);
  await world.run(30_000);
  first.keeper.stop();
  const second = await startHost(world, {}, first.storage, first.accountStorage);
  await world.run(HOUR);
  t.equal(second.used.length, 1);
  t.equal(world.ca.newOrders.length, 1);
});

t.test('a new certificate that a person asks for has a key that is younger than the question', async (t) => {
  const world = new World();
  world.ca.processing = { times: 99, retryAfter: 7200 };
  const host = await startHost(world);
  await world.run(HOUR);
  t.equal(world.ca.newOrders.length, 1);
  const old = host.storage.texts.get(NEXT_KEY);
  // Whoever read the state folder has the key of the order under way, too.
  await host.storage.write(REQUEST, 'a question');
  host.keeper.look();
  await world.run(MINUTE);
  t.equal(world.ca.newOrders.length, 2);
  t.not(host.storage.texts.get(NEXT_KEY), old);
  world.ca.processing = { times: 3, retryAfter: 7200 };
  await world.run(DAY);
  t.equal(world.ca.newOrders.length, 2, 'and its order is found again, as any other is');
  t.equal(host.used.length, 1);
});

t.test('an account whose key was taken away is a new one', async (t) => {
  const world = new World();
  const first = await startHost(world);
  await world.run(HOUR);
  first.keeper.stop();
  first.accountStorage.texts.delete('account.key');
  const next = await startHost(world, { names: ['b.example.org'] }, new MemoryStorage(), first.accountStorage);
  await world.run(HOUR);
  t.same(next.notices, []);
  t.equal(next.used.length, 1);
  t.equal(world.ca.registered.length, 2);
});

t.test('revoked by the account, or by the certificate’s own key', async (t) => {
  const world = new World();
  const { client, used } = await startHost(world);
  await world.run(HOUR);
  const der = new X509Certificate(used[0]!).raw;
  await client.revoke(der, 4);
  await client.revoke(der, 1, nodeCrypto.generateKey());
  t.same(world.ca.revoked, [
    { reason: 4, kid: true },
    { reason: 1, kid: false },
  ]);
});

t.test('whatever a CA answers, it is an AcmeError, and the requests that it causes are few', async (t) => {
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constant('{"status":"valid","authorizations":[],"finalize":"https://x/"}'),
  );
  const fields = fc.dictionary(fc.constantFrom('location', 'replay-nonce', 'retry-after', 'link', 'date'), fc.string());
  const response = fc.record({ status: fc.constantFrom(200, 201, 302, 400, 404, 429, 500), fields, body });
  let most = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(response), async (responses) => {
      let requests = 0;
      const fetch: Fetch = async ({ url }) => {
        requests++;
        if (url === DIRECTORY && requests === 1) {
          const urls = {
            newNonce: 'https://x/n',
            newAccount: 'https://x/a',
            newOrder: 'https://x/o',
            revokeCert: 'https://x/r',
          };
          return { status: 200, fields: { 'replay-nonce': 'abc' }, body: JSON.stringify(urls) };
        }
        return responses.next().value;
      };
      const { time } = new World();
      const session = testSession(DIRECTORY, fetch, time);
      const memory = { load: async () => 'https://x/acct', save: async () => undefined };
      const account = new Account(session, KEY, { email: undefined, agreed: true }, memory);
      const client = new AcmeClient(session, account);
      const calls = [
        () => client.newOrder({ identifiers: [], profile: undefined, replaces: undefined }),
        () => client.order('https://x/1'),
      ];
      for (const call of [
        ...calls,
        () => client.authorization('https://x/2'),
        () => client.certificates('https://x/3'),
      ]) {
        try {
          await call();
        } catch (error) {
          if (!(error instanceof AcmeError)) throw error;
          refused++;
        }
      }
      most = Math.max(most, requests);
      return requests < 120;
    }),
    { numRuns: 200, verbose: true },
  );
  t.ok(most > 1 && most < 120, `at most ${most} requests`);
  t.ok(refused > 200, `${refused} calls were refused`);
});

const KEY = nodeCrypto.generateKey();

t.test('objects of a CA that are not of RFC 8555 are refused by their code', async (t) => {
  const malformed = { name: 'AcmeError', code: 'malformed-response' } as const;
  const wrong = [
    () => readOrder({ status: 'great', authorizations: [], finalize: 'x' }),
    () => readOrder({ status: 'valid', authorizations: new Array(101).fill('x'), finalize: 'x' }),
    () => readAuthorization({ status: 'pending', identifier: { type: 'onion', value: 'x' }, challenges: [] }),
    () => readDirectory({}),
    () => readRenewalInfo({ suggestedWindow: { start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' } }),
  ];
  for (const call of wrong) t.throws(call, malformed as never);
  const many = problemOf({
    type: 'urn:ietf:params:acme:error:compound',
    detail: 'a\u0007b',
    subproblems: new Array(99).fill({}),
  });
  t.equal(many.subproblems.length, 10);
  t.equal(many.detail, 'a b');
  t.equal(retryAfterOf({ status: 200, body: '', fields: { 'retry-after': '120' } }, 0), 120_000);
  t.equal(
    retryAfterOf({ status: 200, body: '', fields: { 'retry-after': 'Thu, 01 Jan 1970 00:01:00 GMT' } }, 0),
    60_000,
  );
});

t.test('the state: files for the owner alone, whole or not at all; a plan that is damaged waits', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-acme-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const storage = new FolderStorage(join(folder, 'acme', 'x'));
  t.equal(await storage.read('nothing'), undefined);
  await saveRenewal(storage, { ...NO_RENEWAL, renewAt: 7 });
  t.equal((await loadRenewal(storage)).state?.renewAt, 7);
  t.equal(statSync(join(folder, 'acme', 'x')).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, 'acme', 'x', RENEWAL)).mode & 0o777, 0o600);
  writeFileSync(join(folder, 'acme', 'x', RENEWAL), readFileSync(join(folder, 'acme', 'x', RENEWAL)).subarray(0, 9));
  t.same(await loadRenewal(storage), { state: undefined, damaged: true });
  await t.rejects(saveCertificate(storage, 'no certificate', 'no key'), { code: 'state' } as never);
  t.equal(await storage.read('certificate.pem'), undefined, 'nothing that does not fit is written');
  const world = new World();
  const damaged = new MemoryStorage();
  damaged.texts.set(RENEWAL, '{"version":1');
  await startHost(world, {}, damaged);
  await world.run(50 * 60_000);
  t.equal(world.ca.newOrders.length, 0);
  await world.run(HOUR);
  t.equal(world.ca.newOrders.length, 1);
});

t.test('an account key that cannot be read is never replaced', async (t) => {
  const account = new MemoryStorage();
  account.texts.set('account.key', 'damaged');
  await t.rejects(startHost(new World(), {}, new MemoryStorage(), account), { code: 'state' } as never);
  t.equal(account.texts.get('account.key'), 'damaged');
});

t.test(
  'of challenges and chains a CA may offer any number: as many as docs/bounds.md says are looked at',
  async (t) => {
    const [, challenges = 0, chains = 0] = documented('docs/bounds.md', "a certificate authority's response");
    const one = { type: 'http-01', url: 'https://ca.test/c', status: 'pending', token: 'x'.repeat(43) };
    const authorization = readAuthorization({
      status: 'pending',
      identifier: { type: 'dns', value: 'www.example.org' },
      challenges: Array.from({ length: challenges + 1 }, () => one),
    });
    t.equal(authorization.challenges.length, challenges);
    const world = new World();
    world.ca.alternates = chains + 1;
    const host = await startHost(world);
    await world.run(HOUR);
    t.equal((await host.client.certificates('https://ca.test/cert/0')).length, 1 + chains);
  },
);
