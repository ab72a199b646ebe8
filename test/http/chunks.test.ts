/**
 * The chunked coding is read the same however it is cut: whole chunks are skipped at once, and what comes octet by
 * octet never is.
 */
import t from 'tap';
import { BodyReader, MORE } from '../../src/http/parse/body.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';

const encoder = new TextEncoder();
const LIMIT = 2000;

const reader = (): BodyReader => new BodyReader(new Uint8Array(0), -1, LIMIT, 60, 20);

/** As one piece: the answer of `read`. */
function whole(bytes: Uint8Array): number {
  return reader().read(bytes, 0, bytes.length);
}

/** Octet by octet: the same. */
function octets(bytes: Uint8Array): number {
  const one = reader();
  for (let at = 0; at < bytes.length; at++) {
    const answer = one.read(bytes, at, at + 1);
    if (answer !== MORE) return answer;
  }
  return MORE;
}

/** In pieces of any length. */
function pieces(bytes: Uint8Array, random: SeededRandom): number {
  const one = reader();
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(40));
    const answer = one.read(bytes, at, end);
    if (answer !== MORE) return answer;
    at = end;
  }
  return MORE;
}

function content(random: SeededRandom): Uint8Array {
  let text = '';
  for (let left = random.below(30); left > 0; left--) {
    const size = 1 + random.below(random.below(8) === 0 ? 400 : 20);
    const zeros = '0'.repeat(random.below(6) === 0 ? random.below(12) : 0);
    const extension = random.below(8) === 0 ? ';a="b"' : '';
    const digits = size.toString(16);
    text += `${zeros}${random.below(2) === 0 ? digits : digits.toUpperCase()}${extension}\r\n${'x'.repeat(size)}\r\n`;
  }
  text += random.below(3) === 0 ? '0\r\nA: b\r\n\r\n' : '0\r\n\r\n';
  const bytes = encoder.encode(text + (random.below(2) === 0 ? 'GET / HTTP/1.1\r\n' : ''));
  const spoilt = '\r\n0a;gX \0'.charCodeAt(random.below(9));
  if (random.below(2) === 0) bytes[random.below(bytes.length)] = spoilt;
  return bytes;
}

t.test('random content, half of it spoilt: one piece, any pieces and single octets have one answer', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1e9);
  t.comment(`FUZZ_SEED=${seed}`);
  const random = new SeededRandom(seed);
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const bytes = content(random);
    const expected = octets(bytes);
    seen.add(expected < MORE ? `${expected}` : expected === MORE ? 'more' : 'whole');
    if (whole(bytes) !== expected || pieces(bytes, random) !== expected) {
      t.fail(`number ${i}: ${JSON.stringify(new TextDecoder().decode(bytes))}`);
      break;
    }
  }
  t.ok(seen.has('whole') && seen.has('more') && seen.has('-400') && seen.has('-413'), [...seen].join(', '));
});

t.test('a size is 12 digits at most, leading zeros among them, in one piece as well', async (t) => {
  for (const [digits, answer] of [
    ['000000000001', MORE],
    ['0000000000001', -400],
  ] as const) {
    const bytes = encoder.encode(`${digits}\r\nx\r\n`);
    t.equal(whole(bytes), answer);
    t.equal(octets(bytes), answer);
  }
});

t.test('the limit holds to the byte, in one piece as well', async (t) => {
  const fits = encoder.encode('1\r\nx\r\n'.repeat(LIMIT));
  t.equal(whole(fits), MORE);
  t.equal(whole(encoder.encode('1\r\nx\r\n'.repeat(LIMIT + 1))), -413);
});
