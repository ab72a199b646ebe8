/** Server cookies by the vectors of RFC 9018 appendix A, and SipHash by those of its authors. */
import t from 'tap';
import { Cookies } from '../../src/dns/serve/cookies.js';
import { SipHash } from '../../src/dns/serve/siphash.js';
import { addressOf, NameServerInMemory, zone } from './setup.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

function check(secrets: string[], cookie: string, client: string, seconds: number): { good: boolean; cookie: string } {
  const given = bytes(cookie);
  const cookies = new Cookies(secrets.map(bytes));
  const good = cookies.check(given, 0, given.length, addressOf(client), seconds);
  return { good, cookie: hex(cookies.reply) };
}

t.test('SipHash-2-4 makes the hashes of its reference', async (t) => {
  const hash = new SipHash(Uint8Array.from({ length: 16 }, (_, i) => i));
  const input = Uint8Array.from({ length: 64 }, (_, i) => i);
  const into = new Uint8Array(8);
  for (const [length, expected] of [
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [15, 'e545be4961ca29a1'],
  ] as const) {
    hash.hash(input, length, into, 0);
    t.equal(hex(into), expected, `${length} bytes`);
  }
});

t.test('RFC 9018 A.1: a first cookie is answered as in the example', async (t) => {
  const { good, cookie } = check(
    ['e5e973e5a6b2a43f48e7dc849e37bfcf'],
    '2464c4abcf10c957',
    '198.51.100.100',
    1559731985,
  );
  t.equal(cookie, '2464c4abcf10c957010000005cf79f111f8130c3eee29480');
  t.equal(good, false);
});

t.test('RFC 9018 A.2: the same client comes again, and the cookie is made anew', async (t) => {
  const sent = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
  const { good, cookie } = check(['e5e973e5a6b2a43f48e7dc849e37bfcf'], sent, '198.51.100.100', 1559734385);
  t.equal(cookie, '2464c4abcf10c957010000005cf7a871d4a564a1442aca77');
  t.equal(good, true);
});

t.test('a cookie is good for its client, for an hour, and by each of the secrets', async (t) => {
  const secrets = ['00112233445566778899aabbccddeeff', 'ffeeddccbbaa99887766554433221100'];
  const made = check(secrets.slice(1), '0102030405060708', '2001:db8::1', 1_000_000).cookie;
  const good = (secret: string[], cookie: string, client: string, seconds: number): boolean =>
    check(secret, cookie, client, seconds).good;
  t.equal(good(secrets, made, '2001:db8::1', 1_000_010), true, 'made by the older secret');
  t.equal(good(secrets.slice(0, 1), made, '2001:db8::1', 1_000_010), false, 'the secret is gone');
  t.equal(good(secrets, made, '2001:db8::2', 1_000_010), false, 'another client');
  t.equal(good(secrets, made, '2001:db8::1', 1_003_600), true, 'an hour later');
  t.equal(good(secrets, made, '2001:db8::1', 1_003_601), false, 'too old');
  t.equal(good(secrets, made, '2001:db8::1', 999_700), true, 'from the future of another clock');
  t.equal(good(secrets, made, '2001:db8::1', 999_699), false, 'too far in the future');
  for (let i = 0; i < made.length; i += 2) {
    const changed =
      made.slice(0, i) +
      (Number.parseInt(made.slice(i, i + 2), 16) ^ 1).toString(16).padStart(2, '0') +
      made.slice(i + 2);
    t.equal(good(secrets, changed, '2001:db8::1', 1_000_010), false, `byte ${i / 2} changed`);
  }
});

t.test("two servers with one secret know each other's cookies again", async (t) => {
  const site = zone('$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n');
  const cookieSecrets = [bytes('00112233445566778899aabbccddeeff')];
  const [one, two] = await Promise.all(
    [1, 2].map((seed) => new NameServerInMemory([site], { cookieSecrets }, seed).open()),
  );
  const cookie = one!.ask('a.example', 'SOA', { options: [[10, '0102030405060708']] }).opt!.options.get(10)!;
  two!.ask('a.example', 'SOA', { options: [[10, cookie]] });
  t.equal(two!.server.counters()['goodCookies'], 1);
});
