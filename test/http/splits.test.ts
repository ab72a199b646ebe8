import fc from 'fast-check';
import t from 'tap';
import type { MemoryFlow } from './memory-flow.js';
import { request, Setup } from './setup.js';

const CHUNKED = 'Transfer-Encoding: chunked';

/** Streams of requests, right and wrong: each must be answered with the same bytes however it is cut. */
const STREAMS: Readonly<Record<string, string>> = {
  'one request': request('GET', '/'),
  'three pipelined': request('GET', '/docs/') + request('HEAD', '/') + request('GET', '/nothing'),
  'empty lines between': `\r\n${request('GET', '/docs/')}\r\n\r\n${request('GET', '/docs/', 'Connection: close')}`,
  'content with a length':
    request('GET', '/docs/', 'Content-Length: 5') +
    'hello' +
    request('POST', '/', 'Content-Length: 3') +
    'abc' +
    request('HEAD', '/'),
  'chunked content': `${request('GET', '/docs/', CHUNKED)}5;a="b\\"c"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n${request('HEAD', '/')}`,
  'broken chunk': `${request('GET', '/docs/', CHUNKED)}5\r\nhelloX\r\n${request('HEAD', '/')}`,
  expectation: `${request('GET', '/docs/', 'Expect: 100-continue', 'Content-Length: 2')}ab${request('HEAD', '/')}`,
  'ranges and conditions':
    request('GET', '/movie.mp4', 'Range: bytes=0-9,5000-5009') +
    request('GET', '/docs/', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'),
  'absolute form': 'GET http://example.org/docs/?x HTTP/1.1\r\nHost: b\r\nAccept-Encoding: br;q=0.5, gzip\r\n\r\n',
  'no host, then more': `GET / HTTP/1.1\r\n\r\n${request('GET', '/')}`,
  'bare LF': `GET / HTTP/1.1\nHost: a\n\n${request('GET', '/')}`,
  'broken field': `GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n`,
  'obs-fold': `GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n`,
  'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/0.9': 'GET /\r\n',
  TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'break off': 'GET / HTTP/1.1\r\nHost: a\r\n',
  smuggling: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n${CHUNKED}\r\n\r\n0\r\n\r\nGET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n`,
};

const SMALL = { requestLine: 60, fieldLine: 50, head: 100, fields: 4, blankLines: 2 };
const LIMITED: Readonly<Record<string, string>> = {
  'long target': `GET /${'a'.repeat(80)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'long method': `${'A'.repeat(80)} / HTTP/1.1\r\nHost: a\r\n\r\n`,
  'long field': `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(60)}\r\n\r\n`,
  'long and wrong field': `GET / HTTP/1.1\r\nHost: a\r\nX : ${'a'.repeat(60)}\r\n\r\n`,
  'long head': `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40)}\r\nY: ${'a'.repeat(40)}\r\n\r\n`,
  'head that just fits': `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(39)}\r\nY: ${'a'.repeat(20)}\r\n\r\n`,
  'too many fields': `GET / HTTP/1.1\r\nHost: a\r\nA: \r\nB: \r\nC: \r\nD: \r\n\r\n`,
  'empty lines': `\r\n\r\n\r\n`,
};

function bytesOf(stream: string): Uint8Array {
  return Uint8Array.from(stream, (c) => c.charCodeAt(0));
}

/** What comes back, byte for byte, and how it ends. */
function result(setup: Setup, pieces: readonly Uint8Array[]): string {
  const flow: MemoryFlow = setup.connect();
  for (const piece of pieces) flow.send(piece);
  const open = !flow.ended;
  flow.finish();
  return `${flow.text} ${open ? 'open' : 'ended'} ${flow.closed}`;
}

for (const [streams, options] of [
  [STREAMS, {}],
  [LIMITED, { limits: SMALL }],
] as const) {
  for (const [name, stream] of Object.entries(streams)) {
    t.test(`${name}: the same bytes come back wherever the stream is cut`, async (t) => {
      const setup = new Setup(options);
      const bytes = bytesOf(stream);
      const whole = result(setup, [bytes]);
      let different = -1;
      for (let at = 0; at <= bytes.length; at++) {
        if (result(setup, [bytes.subarray(0, at), bytes.subarray(at)]) !== whole) different = at;
      }
      t.equal(different, -1, 'in two');
      t.equal(
        result(
          setup,
          Array.from(bytes, (b) => Uint8Array.of(b)),
        ),
        whole,
        'byte for byte',
      );
      t.equal(setup.server.connections, 0);
    });
  }
}

t.test('Any stream cut anywhere is answered like the whole', async (t) => {
  const setup = new Setup();
  const streams = Object.values(STREAMS);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...streams), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
      (parts, sizes) => {
        const bytes = bytesOf(parts.join(''));
        const pieces: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        return result(setup, pieces) === result(setup, [bytes]);
      },
    ),
    { numRuns: 300 },
  );
  t.equal(setup.server.connections, 0);
  t.equal(setup.clock.pending, 0);
});
