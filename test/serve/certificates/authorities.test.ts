/** How a server proves its names: what its ports and zones allow; and challenges of tls-alpn-01 in the state folder. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ACME_TLS, TlsAlpn01 } from '../../../src/acme/authority/tls-alpn-01.js';
import { identifierOf } from '../../../src/acme/der/names.js';
import { nodeCrypto } from '../../../src/acme/node-crypto.js';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import { challengeKinds } from '../../../src/serve/certificates/authorities.js';
import { ChallengeFiles, storedChallenges } from '../../../src/serve/certificates/challenge-files.js';
import { VirtualClock } from '../../http/virtual-clock.js';

type Ways = Parameters<typeof challengeKinds>[0];

function ways(port: number, https: number, zones: readonly string[], challenge?: 'http-01' | 'dns-01'): Ways {
  return { acme: { challenge }, port, tls: { port: https }, dns: { zones } } as unknown as Ways;
}

t.test('kinds of challenges are those that ports and zones allow; one that is named is the only one', (t) => {
  t.same(challengeKinds(ways(80, 443, [])), ['http-01', 'tls-alpn-01']);
  t.same(challengeKinds(ways(8080, 443, [])), ['tls-alpn-01']);
  t.same(challengeKinds(ways(8080, 8443, ['x.zone'])), ['dns-01', 'dns-persist-01']);
  t.same(challengeKinds(ways(80, 443, ['x.zone'])), ['http-01', 'tls-alpn-01', 'dns-01', 'dns-persist-01']);
  t.same(challengeKinds(ways(8080, 8443, [])), ['http-01'], 'a router may lead port 80 here');
  t.same(challengeKinds(ways(80, 443, ['x.zone'], 'dns-01')), ['dns-01']);
  t.end();
});

t.test('RFC 8737 3: a client gets a challenge for a name that is being proven, and for acme-tls/1 alone', async (t) => {
  const folder = t.testdir();
  const acme = join(folder, 'acme');
  const authority = new TlsAlpn01({
    certificates: new ChallengeFiles(acme),
    crypto: nodeCrypto,
    clock: new VirtualClock(),
    random: new SeededRandom(1),
  });
  const challenge = storedChallenges(acme, ['www.example.org', '192.0.2.7', '*.example.org']);
  const proof = { identifier: identifierOf('www.example.org')!, token: 'x', keyAuthorization: 'x.y' };
  const address = { identifier: identifierOf('192.0.2.7')!, token: 'x', keyAuthorization: 'x.y' };
  t.equal(challenge('www.example.org', [ACME_TLS]), undefined, 'no order is under way');
  await authority.prepare(proof);
  await authority.prepare(address);
  const found = challenge('www.example.org', [ACME_TLS]);
  t.equal(found?.protocol, ACME_TLS);
  t.same(found?.certificates.all[0]?.names, ['www.example.org']);
  t.same(challenge('7.2.0.192.in-addr.arpa', [ACME_TLS])?.certificates.all[0]?.names, ['192.0.2.7'], 'RFC 8738 6');
  t.equal(challenge('www.example.org', ['http/1.1']), undefined);
  t.equal(challenge('www.example.org', [ACME_TLS, 'http/1.1']), undefined);
  t.equal(challenge('other.example.org', [ACME_TLS]), undefined);
  t.equal(challenge('../account', [ACME_TLS]), undefined, 'a name that is not ordered is no name of a file');
  for (const name of readdirSync(join(acme, '_challenges')))
    t.equal(statSync(join(acme, '_challenges', name)).mode & 0o777, 0o600);
  await authority.withdraw(proof);
  t.equal(challenge('www.example.org', [ACME_TLS]), undefined);
  await authority.withdraw(proof);
  t.equal(readdirSync(join(acme, '_challenges')).length, 1, 'what is withdrawn leaves nothing');
});

t.test('a challenge that cannot be stored ends the attempt, and not the program', async (t) => {
  const folder = t.testdir({ acme: 'a file' });
  const certificates = new ChallengeFiles(join(folder, 'acme'));
  await t.rejects(certificates.set('www.example.org', 'chain', 'key'), { code: 'state' });
  await certificates.remove('www.example.org');
  mkdirSync(join(folder, 'other', '_challenges', 'www.example.org.pem'), { recursive: true });
  t.equal(storedChallenges(join(folder, 'other'), ['www.example.org'])('www.example.org', [ACME_TLS]), undefined);
});
