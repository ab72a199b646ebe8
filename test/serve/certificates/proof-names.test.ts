import t from 'tap';
import { proofNames } from '../../../src/serve/certificates/proof-names.js';

const CERTIFICATES = [
  ['*.a.example', 'A.example'],
  ['192.0.2.1', 'b.example'],
];
const OPTIONS = { certificates: CERTIFICATES, orders: true, challenge: undefined };

t.test('proofs stand below each name once, not below addresses, and not where another host orders', async (t) => {
  const names = ['a.example.', 'b.example.'];
  const dns = names.map((name) => `_acme-challenge.${name}`);
  const all = names.flatMap((name) => [`_acme-challenge.${name}`, `_validation-persist.${name}`]);
  t.same(proofNames(OPTIONS), all);
  t.same(proofNames({ ...OPTIONS, challenge: 'dns-01' }), dns);
  t.same(proofNames({ ...OPTIONS, challenge: 'http-01' }), []);
  t.same(proofNames({ ...OPTIONS, orders: false }), []);
});

t.test('a name has no proof in the DNS when that would be longer than names may be (RFC 1035 3.1)', async (t) => {
  const label = 'x'.repeat(60);
  const long = `${label}.${label}.${label}.${'y'.repeat(54)}.example`;
  const fits = long.slice(8);
  t.same(proofNames({ ...OPTIONS, certificates: [[long]] }), []);
  t.equal(proofNames({ ...OPTIONS, certificates: [[fits]], challenge: 'dns-01' }).length, 1);
});
