import fc from 'fast-check';
import t from 'tap';
import { RangeSet, SATISFIABLE } from '../../src/http/negotiate/ranges.js';
import { MOVIE } from './hand-made-store.js';
import type { Response } from './responses.js';
import { request, Setup } from './setup.js';

const setup = new Setup();

function range(value: string, ...lines: string[]): Response {
  return setup.get('/movie.mp4', `Range: ${value}`, ...lines);
}

t.test('RFC 9110 14.1.2: one range, open, suffix, and beyond the end', async (t) => {
  const cases: Record<string, [number, number]> = {
    'bytes=0-0': [0, 1],
    'bytes=0-99': [0, 100],
    'bytes=9999-9999': [9999, 10000],
    'bytes=9000-': [9000, 10000],
    'bytes=0-': [0, 10000],
    'bytes=-1': [9999, 10000],
    'bytes=-20000': [0, 10000],
    'bytes=9990-18446744073709551615': [9990, 10000],
    'bytes=-18446744073709551616': [0, 10000],
    'Bytes=5-6': [5, 7],
    'bytes= 5-6 , ,': [5, 7],
    'bytes=00005-0006': [5, 7],
  };
  for (const [value, [start, end]] of Object.entries(cases)) {
    const answer = range(value);
    t.equal(answer.status, 206, value);
    t.equal(answer.fields.get('content-range'), `bytes ${start}-${end - 1}/10000`, value);
    t.equal(answer.fields.get('content-type'), 'video/mp4');
    t.ok(answer.fields.has('etag'));
    t.same(answer.body, MOVIE.slice(start, end));
  }
});

t.test('RFC 9110 15.5.17: nothing satisfiable is 416 with the size', async (t) => {
  for (const value of [
    'bytes=10000-',
    'bytes=10000-20000',
    'bytes=-0',
    'bytes=99999999999999999999-',
    'bytes=20000-, -0',
  ]) {
    const answer = range(value);
    t.equal(answer.status, 416, value);
    t.equal(answer.fields.get('content-range'), 'bytes */10000');
  }
  for (const range of ['0-', '0-0', '-1', '0-,5-9'])
    t.equal(setup.get('/empty.css', `Range: bytes=${range}`).status, 200);
});

t.test('RFC 9110 14.2: what is malformed or in another unit is ignored', async (t) => {
  for (const value of [
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=a-b',
    'bytes=5-3',
    'bytes=5',
    'bytes=-',
    'bytes=--5',
    'bytes=+1-3',
    'bytes=1-3x',
    'bytes 0-1',
    'bytes=0 - 1',
    'bytes=0-1;2-3',
    'pages=0-1',
    'bytes=0x0-1',
    'bytes=0-1,a',
    'bytes=1.5-2',
    '=0-1',
    'bytes =0-1',
  ]) {
    t.equal(range(value).status, 200, value);
  }
  t.equal(range('bytes=0-1', 'Range: bytes=2-3').status, 200, 'two fields');
});

t.test('RFC 9110 14.2: HEAD ignores Range', async (t) => {
  const answer = setup.ask(request('HEAD', '/movie.mp4', 'Range: bytes=0-1'));
  t.equal(answer.status, 200);
  t.equal(answer.fields.get('content-length'), '10000');
});

t.test('A page for what is missing has no ranges', async (t) => {
  t.equal(setup.get('/nothing', 'Range: bytes=0-1').status, 404);
});

/** The parts of a multipart/byteranges answer. */
function parts(answer: Response): { range: string; body: Uint8Array }[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9A-Za-z'()+_,\-./:=?]{1,70})$/.exec(
    answer.fields.get('content-type')!,
  )![1]!;
  const found: { range: string; body: Uint8Array }[] = [];
  const pieces = `\r\n${answer.text}`.split(`\r\n--${boundary}`);
  if (pieces.shift() !== '' || pieces.pop() !== '--\r\n') throw new Error('multipart');
  for (const piece of pieces) {
    const m = /^\r\nContent-Type: video\/mp4\r\nContent-Range: bytes (\d+-\d+)\/10000\r\n\r\n(.*)$/s.exec(piece);
    if (m === null) throw new Error(`part ${piece.slice(0, 100)}`);
    found.push({ range: m[1]!, body: Uint8Array.from(m[2]!, (c) => c.charCodeAt(0)) });
  }
  return found;
}

t.test('RFC 9110 14.6: several ranges are multipart/byteranges, in the order asked for', async (t) => {
  const answer = range('bytes=5000-5009, 0-0,-1');
  t.equal(answer.status, 206);
  t.equal(answer.fields.has('content-range'), false);
  t.same(
    parts(answer).map((p) => p.range),
    ['5000-5009', '0-0', '9999-9999'],
  );
  t.same(parts(answer)[0]!.body, MOVIE.slice(5000, 5010));
});

t.test('Ranges that overlap or touch become one, near ones stay two; one that is left is no multipart', async (t) => {
  t.same(
    parts(range('bytes=0-9,5000-5009,5-20')).map((p) => p.range),
    ['0-20', '5000-5009'],
  );
  t.equal(range('bytes=0-9,10-19').fields.get('content-range'), 'bytes 0-19/10000');
  t.same(
    parts(range('bytes=0-1,5-6')).map((p) => p.range),
    ['0-1', '5-6'],
  );
  t.equal(range('bytes=0-9,0-9,0-9').fields.get('content-range'), 'bytes 0-9/10000');
  t.equal(range('bytes=0-9,20000-').fields.get('content-range'), 'bytes 0-9/10000', 'unsatisfiable ones are left out');
});

t.test('More parts than the limit are answered with the whole', async (t) => {
  const specifiers = (n: number): string => Array.from({ length: n }, (_, i) => `${i * 200}-${i * 200 + 1}`).join(',');
  t.equal(parts(range(`bytes=${specifiers(16)}`)).length, 16);
  t.equal(range(`bytes=${specifiers(17)}`).status, 200);
  t.equal(range(`bytes=${'0-,'.repeat(1000)}0-`).status, 200);
});

t.test('RFC 9110 13.1.5: If-Range, by strong tag or exact date', async (t) => {
  const tag = range('bytes=0-1').fields.get('etag')!;
  t.equal(range('bytes=0-1', `If-Range: ${tag}`).status, 206);
  for (const value of ['"a"', `W/${tag}`, '*', `${tag}, "b"`, 'Sun, 06 Nov 1994 08:49:37 GMT', '']) {
    t.equal(range('bytes=0-1', `If-Range: ${value}`).status, 200, value);
  }
  t.equal(range('bytes=99999-', 'If-Range: "a"').status, 200, 'then the range is not even looked at');
  const docs = (date: string): number => setup.get('/docs/', 'Range: bytes=0-1', `If-Range: ${date}`).status;
  t.equal(docs('Sun, 06 Nov 1994 08:49:37 GMT'), 206);
  t.equal(docs('Sun, 06 Nov 1994 08:49:38 GMT'), 200, 'later is not exact');
});

t.test('Conditions come before ranges', async (t) => {
  const tag = range('bytes=0-1').fields.get('etag')!;
  t.equal(range('bytes=0-1', `If-None-Match: ${tag}`).status, 304);
  t.equal(range('bytes=99999-', 'If-Match: "a"').status, 412);
});

t.test('A range of a compressed representation is one of its compressed bytes, under its own tag', async (t) => {
  const whole = setup.get('/', 'Accept-Encoding: gzip');
  const part = setup.get('/', 'Accept-Encoding: gzip', 'Range: bytes=10-19');
  t.equal(part.fields.get('content-encoding'), 'gzip');
  t.equal(part.fields.get('etag'), whole.fields.get('etag'));
  t.equal(part.fields.get('content-range'), `bytes 10-19/${whole.body.length}`);
  t.same(part.body, whole.body.slice(10, 20));
});

t.test('Coalesced ranges cover what was asked for, lie inside, and neither touch nor overlap', async () => {
  const set = new RangeSet();
  const encoder = new TextEncoder();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.array(fc.tuple(fc.nat(3000), fc.nat(300)), { minLength: 1, maxLength: 30 }),
      (length, pairs) => {
        const value = encoder.encode(`bytes=${pairs.map(([a, n]) => `${a}-${a + n}`).join(',')}`);
        const verdict = set.parse(value, 0, value.length, length, 100);
        const wanted = pairs.filter(([a]) => a < length);
        if (wanted.length === 0) return verdict !== SATISFIABLE;
        const got = Array.from({ length: set.count }, (_, i) => [set.starts[i]!, set.ends[i]!] as const);
        const covered = wanted.every(([a, n]) => got.some(([s, e]) => s <= a && Math.min(length, a + n + 1) <= e));
        const inside = got.every(([s, e]) => s >= 0 && s < e && e <= length);
        const apart = got.every(([s, e], i) => got.every(([s2, e2], j) => i === j || e < s2 || e2 < s));
        return verdict === SATISFIABLE && covered && inside && apart;
      },
    ),
  );
});
