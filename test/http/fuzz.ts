import fc from 'fast-check';
import type { Store } from '../../src/store/index.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

const SEEDS: readonly string[] = [
  request('GET', '/'),
  request('GET', '/docs/?q=%20', 'Accept-Encoding: gzip;q=0.5, br', 'User-Agent: fuzz'),
  request('HEAD', '/movie.mp4', 'Connection: close'),
  request('GET', '/movie.mp4', 'Range: bytes=0-9,-5,500-', 'If-Range: "a"'),
  request('GET', '/docs/', 'If-None-Match: "a", W/"b"', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'),
  request('GET', '/%2e%2e//a/./..%2f%C3%A9', 'If-Match: *', 'If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT'),
  `${request('POST', '/', 'Content-Length: 11')}hello world`,
  `${request('GET', '/docs/', 'Transfer-Encoding: chunked')}5;a="b"\r\nhello\r\n0\r\nX: y\r\n\r\n`,
  `${request('PUT', '/', 'Expect: 100-continue', 'Content-Length: 4')}abcd`,
  'GET http://example.org:80/docs HTTP/1.0\r\nConnection: keep-alive\r\nHost: [::1]:80\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  request('OPTIONS', '/about'),
  request('GET', '/team', 'Accept-Language: de-AT, en;q=0.5, *;q=0'),
  request('GET', '/anything/a%2f//b?c'),
  request('GET', '/y/2024/first-post'),
  request('GET', '/alias/Guide', 'If-None-Match: *'),
  request('HEAD', '/docs/nothing/here'),
  request('GET', '/', 'Accept-Encoding: br, zstd;q=0.2', 'Range: bytes=0-99,50-149,-1'),
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
];

/** What parsers stumble over. */
const TOKENS: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '=',
  '"',
  '%',
  '%00',
  '%2f',
  '%2e',
  '%c0%ae',
  '..',
  '//',
  '\\',
  '#',
  '?',
  '*',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'GET ',
  'HEAD ',
  'Host: a\r\n',
  'Host: b\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip\r\n',
  'Connection: close\r\n',
  'Expect: 100-continue\r\n',
  'Range: bytes=',
  '18446744073709551616',
  '-1',
  '0',
  'ffffffffffffffff',
  'q=0',
  'bytes=0-',
  '\r\n\r\n',
  '0\r\n\r\n',
  '\x80',
  '\xff',
  'A'.repeat(300),
  'X: y\r\n'.repeat(60),
];

const edit = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), text: fc.constantFrom(...TOKENS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('octet' as const), at: fc.nat(), octet: fc.nat(255) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      at: fc.nat(),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('repeat' as const),
      at: fc.nat(),
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
);

/** A few requests with a few mutations, the sizes that they are cut into, and whether the client ends with FIN. */
export const conversation = fc.record({
  requests: fc.array(fc.constantFrom(...SEEDS), { minLength: 1, maxLength: 3 }),
  edits: fc.array(edit, { maxLength: 4 }),
  sizes: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
  fin: fc.boolean(),
});
type Conversation = typeof conversation extends fc.Arbitrary<infer C> ? C : never;

function mutated({ requests, edits }: Conversation): Uint8Array {
  let text = requests.join('');
  for (const e of edits) {
    const at = e.at % (text.length + 1);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    if (e.kind === 'insert') text = before + e.text + after;
    else if (e.kind === 'octet') text = before + String.fromCharCode(e.octet) + after.slice(1);
    else if (e.kind === 'delete') text = before + after.slice(e.count);
    else text = before + after.slice(0, e.count) + after;
  }
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** One server under fire; small limits, so that they are reached. */
export class Fuzz {
  readonly methods: string[] = [];
  readonly setup: Setup;

  constructor(store: Store) {
    this.setup = new Setup({
      store: () => store,
      // Frames are thrown at a server elsewhere.
      http2: false,
      limits: {
        requestLine: 250,
        fieldLine: 250,
        head: 600,
        fields: 30,
        body: 300,
        chunkOverhead: 60,
        turn: 3,
        linger: 2000,
        requestsPerConnection: 50,
      },
      log: (record) => {
        this.methods.push(record.method);
        // What logs make of it must not throw either.
        void [record.target, record.protocol, record.referer, record.userAgent, record.host];
      },
    });
  }

  /** Throws when anything is not as it must be. */
  check(input: Conversation): void {
    const bytes = mutated(input);
    const pieces: Uint8Array[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = input.sizes[i % input.sizes.length]!;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    const whole = this.#run([bytes], input.fin);
    const cut = this.#run(pieces, input.fin);
    if (cut !== whole) throw new Error(`cut:   ${JSON.stringify(cut)}\nwhole: ${JSON.stringify(whole)}`);
    const { server, clock } = this.setup;
    if (server.connections !== 0) throw new Error(`${server.connections} connections are left`);
    if (clock.pending !== 0) throw new Error(`${clock.pending} timers are left`);
  }

  #run(pieces: readonly Uint8Array[], fin: boolean): string {
    const { setup, methods } = this;
    methods.length = 0;
    const flow = setup.connect();
    for (const piece of pieces) flow.send(piece);
    if (fin) flow.finish();
    else setup.clock.advance(200_000);
    if (flow.closed === undefined) throw new Error('the connection is still open');
    const goaway = flow.text.indexOf('\0\0\0\x04\0');
    const answers = parseResponses(goaway < 0 ? flow.received : flow.received.subarray(0, goaway), methods);
    const final = answers.filter((a) => a.status >= 200);
    if (final.length !== methods.length) throw new Error(`${final.length} answers, ${methods.length} in the log`);
    // How time went on while it was cut is not what is compared.
    return flow.text.replaceAll(/Date: [^\r]*/g, 'Date');
  }
}
