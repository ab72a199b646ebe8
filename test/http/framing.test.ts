import t from 'tap';
import { DEFAULT_LIMITS } from '../../src/http/contracts/limits.js';
import { Fields } from '../../src/http/parse/fields.js';
import { INCOMPLETE, RequestLine } from '../../src/http/parse/request-line.js';
import { parseResponses } from './responses.js';
import { Setup } from './setup.js';

function outcome(bytes: string): string {
  const flow = new Setup().exchange(bytes);
  const statuses = parseResponses(flow.received).map((r) => `${r.status}`);
  return `${statuses.join(' ')}${flow.ended ? ' closed' : ''}`;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const NEXT = `${GET}\r\n`;

t.test('RFC 9112 5: malformed field lines are 400 and close', async (t) => {
  for (const line of [
    'X : y',
    'X\t: y',
    ': y',
    'X',
    'X y: z',
    'X: a\rb',
    'X: a\x00b',
    'X: a\x7fb',
    'X: a\x01b',
    ' X: y',
    '\tX: y',
    'X(: y',
    'Ü: y',
    'X: y\r',
  ]) {
    t.equal(outcome(`${GET}${line}\r\n\r\n${NEXT}`), '400 closed', JSON.stringify(line));
  }
});

t.test('RFC 9112 5.2: obs-fold is refused', async (t) => {
  t.equal(outcome(`${GET}X: a\r\n b\r\n\r\n`), '400 closed');
  t.equal(outcome(`${GET}X: a\r\n\tb\r\n\r\n`), '400 closed');
  t.equal(outcome('GET / HTTP/1.1\r\n Host: a\r\n\r\n'), '400 closed');
});

t.test('RFC 9112 2.2: a bare LF ends no line', async (t) => {
  t.equal(outcome('GET / HTTP/1.1\r\nHost: a\n\n'), '400 closed');
  t.equal(outcome('GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n'), '400 closed');
  t.equal(outcome('GET / HTTP/1.1\r\nHost: a\r\n\n'), '400 closed');
});

t.test('Field values may hold tabs and octets above ASCII, and may be empty', async (t) => {
  t.equal(outcome(`${GET}X: a\tb\xff\r\nY:\r\nZ: \t \r\n\r\n`), '200');
  t.equal(outcome('GET / HTTP/1.1\r\nhOsT:a\r\n\r\n'), '200');
});

t.test('Long lines, long heads and too many lines are 431', async (t) => {
  t.equal(outcome(`${GET}X: ${'a'.repeat(8000)}\r\n\r\n`), '200');
  t.equal(outcome(`${GET}X: ${'a'.repeat(8192)}\r\n\r\n`), '431 closed');
  t.equal(outcome(`${GET}X: ${'a'.repeat(100000)}`), '431 closed');
  t.equal(outcome(`${GET}${`X: ${'a'.repeat(4000)}\r\n`.repeat(7)}\r\n`), '200');
  t.equal(outcome(`${GET}${`X: ${'a'.repeat(4000)}\r\n`.repeat(9)}\r\n`), '431 closed');
  t.equal(outcome(`${GET}${'X: y\r\n'.repeat(99)}\r\n`), '200');
  t.equal(outcome(`${GET}${'X: y\r\n'.repeat(100)}\r\n`), '431 closed');
});

t.test('RFC 9110 8.6: Content-Length that is wrong or twice is 400', async (t) => {
  for (const value of ['', '-1', '+5', '5,5', '5, 5', '0x5', '5 5', '5.0', 'five', '1e1', '9'.repeat(16), '\u00b2']) {
    t.equal(outcome(`${GET}Content-Length: ${value}\r\n\r\nhello${NEXT}`), '400 closed', value);
  }
  t.equal(outcome(`${GET}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${NEXT}`), '400 closed');
  t.equal(outcome(`${GET}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello${NEXT}`), '400 closed');
});

t.test('RFC 9112 6.3: Transfer-Encoding with Content-Length, or in HTTP/1.0, is 400 and closes', async (t) => {
  const chunked = 'Transfer-Encoding: chunked\r\n';
  const body = '\r\n5\r\nhello\r\n0\r\n\r\n';
  t.equal(outcome(`${GET}${chunked}Content-Length: 5\r\n${body}${NEXT}`), '400 closed');
  t.equal(outcome(`${GET}Content-Length: 5\r\n${chunked}${body}${NEXT}`), '400 closed');
  t.equal(outcome(`GET / HTTP/1.0\r\nConnection: keep-alive\r\n${chunked}${body}${NEXT}`), '400 closed');
});

t.test('RFC 9112 6.1: codings other than chunked are 501, chunked that is not last or twice 400', async (t) => {
  for (const value of ['gzip, chunked', 'gzip', 'identity', 'xchunked', 'chunked;q=1', '"chunked"', 'chunked\x0b']) {
    const expected = value === 'chunked\x0b' ? '400 closed' : '501 closed';
    t.equal(outcome(`${GET}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n${NEXT}`), expected, value);
  }
  for (const value of ['chunked, gzip', 'chunked, chunked', '', ',']) {
    t.equal(outcome(`${GET}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n${NEXT}`), '400 closed', value);
  }
  t.equal(outcome(`${GET}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), '501 closed');
  t.equal(outcome(`${GET}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), '400 closed');
});

t.test('Content of any request is read and thrown away, and the next request follows it', async (t) => {
  t.equal(outcome(`${GET}Content-Length: 5\r\n\r\nhello${NEXT}`), '200 200');
  t.equal(outcome(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${NEXT}`), '405 200');
  t.equal(outcome(`${GET}Content-Length: 0\r\n\r\n${NEXT}`), '200 200');
  t.equal(outcome(`${GET}TRANSFER-encoding:\tChunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n${NEXT}`), '200 200');
});

t.test('RFC 9112 7.1: chunked, with extensions and trailers', async (t) => {
  const te = `${GET}Transfer-Encoding: chunked\r\n\r\n`;
  for (const body of [
    '0\r\n\r\n',
    '000\r\n\r\n',
    'A\r\n0123456789\r\n0\r\n\r\n',
    '5;a\r\nhello\r\n0;b=c\r\n\r\n',
    '5 ; a = "q\\"x;y" ;b\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n',
  ]) {
    t.equal(outcome(te + body + NEXT), '200 200', JSON.stringify(body));
  }
});

t.test('RFC 9112 7.1: chunked that is broken is 400 and closes', async (t) => {
  const te = `${GET}Transfer-Encoding: chunked\r\n\r\n`;
  for (const body of [
    'x\r\n',
    '\r\n',
    '-1\r\n',
    '0x5\r\nhello\r\n0\r\n\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhelloX0\r\n\r\n',
    '5\r\nhello\rX0\r\n\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
    '5;\r\nhello\r\n0\r\n\r\n',
    '5;a\nhello\r\n0\r\n\r\n',
    '5;a="x\r\nhello',
    '5;a=\r\nhello',
    '5;=b\r\nhello',
    '5\rhello',
    '0\r\n X: y\r\n\r\n',
    '0\r\nX y\r\n\r\n',
    '0\r\nX : y\r\n\r\n',
    '0\r\nX: y\n\r\n',
    '0\r\n\rX',
    `${'0'.repeat(13)}\r\n\r\n`,
    '5;a="x"b\r\nhello',
    `5;${'a'.repeat(20000)}`,
    `0\r\nX: ${'a'.repeat(20000)}`,
  ]) {
    t.equal(outcome(te + body + NEXT), '400 closed', JSON.stringify(body.slice(0, 40)));
  }
  t.equal(outcome(`${te}0\r\n${'X: y\r\n'.repeat(101)}\r\n`), '431 closed');
});

t.test('Content beyond the limit is 413, and what is refused anyway is not waited for', async (t) => {
  t.equal(outcome(`${GET}Content-Length: 1048577\r\n\r\n`), '413 closed');
  t.equal(outcome(`${GET}Content-Length: 999999999999999\r\n\r\n`), '413 closed');
  t.equal(outcome(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n`), '405 closed');
  t.equal(outcome(`${GET}Transfer-Encoding: chunked\r\n\r\n100001\r\n`), '413 closed');
  t.equal(outcome(`${GET}Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n`), '413 closed');
});

t.test('RFC 9110 10.1.1: 100-continue is answered before the content, other expectations get 417', async (t) => {
  const flow = new Setup().exchange(`${GET}Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n`);
  t.same(
    parseResponses(flow.received).map((r) => r.status),
    [100],
  );
  flow.send('hello');
  t.same(
    parseResponses(flow.received).map((r) => r.status),
    [100, 200],
  );
  t.equal(outcome(`${GET}Expect: 100-continue\r\n\r\n`), '200', 'without content there is nothing to wait for');
  t.equal(outcome(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`), '405 closed');
  t.equal(outcome(`${GET}Expect: something\r\n\r\n`), '417 closed');
  t.equal(outcome(`${GET}Expect: 100-continue, something\r\n\r\n`), '417 closed', 'one other member is enough');
  t.equal(
    outcome(`${GET}Expect: 100-continue\r\nExpect: something\r\n\r\n`),
    '417 closed',
    'also on a line of its own',
  );
  t.equal(outcome(`${GET}Expect: \r\n\r\n`), '200', 'a list without members expects nothing');
  t.equal(outcome(`${GET}Expect: 100-continue, 100-continue,\r\n\r\n`), '200', 'a member twice is no other member');
  t.equal(outcome(`${GET}Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n`), '200', 'nor on two lines');
  t.equal(outcome(`GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`), '200 closed');
});

t.test('no octet behind the end of what came, or behind a bound, is looked at', async (t) => {
  const head = `${GET}X-Long: ${'v'.repeat(60)} \t\r\nAccept: a, b\r\n\r\n`;
  const line = GET.indexOf('\r\n') + 2;
  // What the buffer still holds from before would be taken for more of each token.
  const bytes = new TextEncoder().encode(head + 'v'.repeat(100));
  /** The bytes, of which the first `stop` may be indexed. */
  const watched = (stop: number): Uint8Array =>
    new Proxy(bytes, {
      get: (target, name) => {
        if (typeof name === 'string' && Number(name) >= stop) throw new RangeError(`octet ${name} of ${stop}`);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  for (let end = 1; end < line; end++)
    t.equal(new RequestLine().parse(watched(end), 0, end, DEFAULT_LIMITS), INCOMPLETE, `line, ${end} octets`);
  for (let end = line; end < head.length; end++)
    t.equal(new Fields().parse(watched(end), line, end, 0, DEFAULT_LIMITS), INCOMPLETE, `fields, ${end} octets`);
  t.equal(new Fields().parse(watched(head.length), line, head.length, 0, DEFAULT_LIMITS), head.length);
  const long = head.indexOf('X-Long');
  const limits = { ...DEFAULT_LIMITS, fieldLine: 40 };
  t.equal(new Fields().parse(watched(long + 40), line, head.length, 0, limits), -431, 'a line past its bound');
  const bound = { ...DEFAULT_LIMITS, head: long + 30 };
  t.equal(new Fields().parse(watched(long + 30), line, head.length, 0, bound), -431, 'a head past its bound');
  const short = { ...DEFAULT_LIMITS, requestLine: 5 };
  t.equal(new RequestLine().parse(watched(5), 0, head.length, short), -414, 'a request line past its bound');
});
