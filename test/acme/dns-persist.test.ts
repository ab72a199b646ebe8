/** dns-persist-01 (draft-ietf-acme-dns-persist), of drafts 00 to 02. */
import t from 'tap';
import { Dns01 } from '../../src/acme/authority/dns-01.js';
import { DnsPersist01 } from '../../src/acme/authority/dns-persist-01.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { readAuthorization } from '../../src/acme/protocol/objects.js';
import { textData } from '../../src/dns/wire/text.js';
import { HOUR, startHost, World } from './setup.js';

/** A zone that remembers what was in it. */
function zone() {
  const now = new Set<string>();
  const log: string[] = [];
  return {
    now,
    log,
    owns: (name: string) => name.endsWith('example.org'),
    add: async (name: string, value: string) => {
      log.push(`${name} ${value}`);
      now.add(`${name} ${value}`);
    },
    remove: async (name: string, value: string) => void now.delete(`${name} ${value}`),
  };
}

/** A host whose authority offers nothing else; what its zone had, and whether a certificate came. */
async function ordered(arrange: (world: World) => void, names = ['example.org']) {
  const world = new World();
  world.ca.offered = ['dns-persist-01'];
  const records = zone();
  world.ca.validate = ({ identifier: { value } }) =>
    [...records.now].some((one) => one.startsWith(`_validation-persist.${value} `)) ? undefined : 'no record';
  arrange(world);
  const host = await startHost(world, { authorities: [new DnsPersist01(records, nodeCrypto)], names });
  await world.run(HOUR);
  return { host, records, world };
}

t.test('before draft 02 the record has the address of the account; it leaves the zone after the order', async (t) => {
  const { host, records } = await ordered(({ ca }) => {
    ca.issuers = { 'issuer-domain-names': ['ca.test'] };
  });
  t.equal(host.used.length, 1);
  const account = await host.client.account.url();
  t.same(records.log, [`_validation-persist.example.org ca.test; accounturi=${account}`]);
  t.equal(records.now.size, 0);
});

t.test('a wildcard is asked for by policy=wildcard, beside the record of its name', async (t) => {
  const { host, records } = await ordered(() => undefined, ['*.example.org', 'example.org']);
  t.equal(host.used.length, 1);
  const account = await host.client.account.url();
  t.same(
    records.log,
    ['; policy=wildcard', ''].map((end) => `_validation-persist.example.org ca.test; accounturi=${account}${end}`),
  );
});

t.test('draft 02 hides the account behind a hash over domain, key and address: its own example', async (t) => {
  const records = zone();
  const proof = {
    identifier: { type: 'dns', value: 'example.com' },
    ...{ wildcard: false, token: '', keyAuthorization: '', issuers: ['authority.example'] },
    account: {
      url: 'https://ca.example/acct/123',
      thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
      hashPrefix: 'https://ca.example/account-hash/',
    },
  } as const;
  t.equal(
    new DnsPersist01(records, nodeCrypto).record(proof),
    'authority.example; accounturi=https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw',
  );
  for (const hashPrefix of ['https://ca.example/a;b/', 'a b', 'ü'])
    t.throws(
      () => new DnsPersist01(records, nodeCrypto).record({ ...proof, account: { ...proof.account, hashPrefix } }),
      {
        code: 'malformed-response',
      },
    );
  const bad = { ...proof, issuers: [] };
  const one = new DnsPersist01(records, nodeCrypto);
  await t.rejects(one.prepare(bad), { code: 'malformed-response' });
  await one.withdraw(bad);
  t.same(records.log, [], 'nothing was shown, and nothing is taken away');
  const { host, records: used } = await ordered(({ ca }) => {
    ca.meta['accountHashPrefix'] = 'https://ca.test/hash/';
  });
  t.equal(host.used.length, 1);
  t.match(
    used.log[0],
    /^_validation-persist\.example\.org ca\.test; accounturi=https:\/\/ca\.test\/hash\/sha-256\/[\w-]{43}$/,
  );
});

t.test('dns-01 comes first where both are offered, and a failure leads to the other', async (t) => {
  const world = new World();
  world.ca.offered = ['dns-persist-01', 'dns-01'];
  const records = zone();
  world.ca.validate = ({ type }) => (type === 'dns-01' ? 'no such record' : undefined);
  const authorities = [new Dns01(records, nodeCrypto), new DnsPersist01(records, nodeCrypto)];
  const host = await startHost(world, { authorities });
  await world.run(HOUR);
  t.same(
    world.ca.validations.map(({ type }) => type),
    ['dns-01', 'dns-persist-01'],
  );
  t.equal(host.used.length, 1);
});

t.test('a challenge with none, more than ten or malformed issuers is none', async (t) => {
  const challenges = (more: object) =>
    readAuthorization({
      ...{ status: 'pending', identifier: { type: 'dns', value: 'example.org' } },
      challenges: [{ type: 'dns-persist-01', url: 'https://ca.test/1', status: 'pending', ...more }],
    }).challenges.map(({ issuers }) => issuers);
  t.same(challenges({ issuerDomainNames: ['ca.test', 'b.test'] }), [['ca.test', 'b.test']]);
  const long = `${'a'.repeat(250)}.test`;
  for (const names of [
    undefined,
    'ca.test',
    [],
    Array(11).fill('ca.test'),
    ['Ca.test'],
    ['ca.test.'],
    ['a;b'],
    [1],
    [long],
  ])
    t.same(challenges({ issuerDomainNames: names, 'issuer-domain-names': undefined }), [], JSON.stringify(names));
});

t.test('a text of more than 255 octets is several strings of one record (RFC 1035 3.3.14)', async (t) => {
  const strings = (length: number): number[] => {
    const data = textData(new Uint8Array(length).fill(97));
    const found: number[] = [];
    for (let at = 0; at < data.length; at += 1 + (data[at] as number)) found.push(data[at] as number);
    return found;
  };
  t.same(strings(0), [0]);
  t.same(strings(255), [255]);
  t.same(strings(256), [255, 1]);
  t.same(strings(600), [255, 255, 90]);
});
