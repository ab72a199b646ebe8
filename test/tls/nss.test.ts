/** NSS, the TLS of Firefox, by its program `tstclnt`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ask, has, REQUEST, serving } from './serving.js';

t.setTimeout(300_000);

const skip = !has('tstclnt') && 'tstclnt is not here';

/** Asks for a page with these options; what the program says of the connection, and the page. */
async function asking(t: Test) {
  const { port, alerts, server } = await serving(t);
  const request = join(t.testdir(), 'request');
  writeFileSync(request, REQUEST);
  const client = (...args: string[]): Promise<string> =>
    ask('tstclnt', ['-h', 'localhost', '-p', String(port), '-4', '-D', '-o', '-v', '-A', request, ...args], '');
  return { client, alerts, server };
}

/** A page was answered, and the program said all of this. Pages are on one output, words on the other. */
const page = (...words: string[]): RegExp =>
  new RegExp(['HTTP/1\\.1 200', ...words].map((one) => `(?=[^]*${one})`).join(''));

/** TLS 1.3 alone. */
const NEW = ['-V', 'tls1.3:tls1.3'];

t.test('NSS connects with each suite, group and kind of signature', { skip }, async (t) => {
  const { client, alerts } = await asking(t);
  for (const [suite, name] of [
    [':1301', '128-bit AES-GCM'],
    [':1302', '256-bit AES-GCM'],
    [':1303', '256-bit CHACHA20POLY1305'],
  ] as const)
    t.match(await client(...NEW, '-c', suite), page(`using ${name}`), name);
  for (const [group, bits] of [
    ['x25519', 255],
    ['P256', 256],
    ['P384', 384],
  ] as const)
    t.match(await client(...NEW, '-I', group), page('SSL version 3\\.4', `Key Exchange: ${bits}-bit`), group);
  t.match(await client(...NEW, '-I', 'P521,P256'), page('Key Exchange: 256-bit'), 'HelloRetryRequest');
  for (const [scheme, name] of [
    ['ecdsa_secp256r1_sha256', 'localhost'],
    ['rsa_pss_rsae_sha256', 'localhost'],
    ['ecdsa_secp384r1_sha384', 'p384.example'],
  ] as const)
    t.match(await client(...NEW, '-J', scheme, '-a', name), page(`Signature Scheme: ${scheme}`), scheme);
  t.same(alerts, []);
});

t.test('NSS connects with TLS 1.2, and with nothing older', { skip }, async (t) => {
  const { client } = await asking(t);
  const old = ['-V', 'tls1.2:tls1.2'];
  t.match(await client(...old, '-G'), page('SSL version 3\\.3', 'Extended Master Secret: Yes'));
  t.notMatch(await client(...old, '-K', '-G'), /1\.1 200/, 'RFC 7507: a fallback that was not needed');
  t.notMatch(await client('-V', 'tls1.0:tls1.1'), /1\.1 200/);
});

t.test('NSS resumes a session, and sends early data', { skip }, async (t) => {
  const { client, server } = await asking(t);
  const resumed = await client(...NEW, '-u', '-L', '3');
  t.equal(resumed.match(/HTTP\/1\.1 200/g)?.length, 3);
  t.match(resumed, /2 stateless resumes/);
  t.equal(server.counters.early, 0);
  const early = await client(...NEW, '-u', '-Z', '-L', '2');
  t.equal(early.match(/HTTP\/1\.1 200/g)?.length, 2);
  t.match(early, /1 stateless resumes/);
  t.equal(server.counters.early, 1);
});
