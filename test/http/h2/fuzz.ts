/** Frames and field blocks that are nearly right, thrown at a server: what is checked is that it bears them. */
import fc from 'fast-check';
import { ERROR, FRAME, FRAME_HEADER } from '../../../src/http/h2/frames.js';
import { HpackDecoder } from '../../../src/http/hpack/decoder.js';
import { DynamicTable, TABLE_SIZE } from '../../../src/http/hpack/dynamic-table.js';
import { STATIC_TABLE } from '../../../src/http/hpack/static-table.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, settings } from './client.js';
import { Collected } from './collected.js';
import { type FieldLine, indexing, literals } from './hpack.js';

const PATHS = ['/', '/docs/', '/movie.mp4', '/empty.css', '/nothing', '/%zz', '*', '/docs?x'];
const FIELDS: readonly FieldLine[] = [
  ['accept-encoding', 'gzip, br'],
  ['range', 'bytes=0-9,20-29'],
  ['if-none-match', '*'],
  ['priority', 'u=1, i'],
  ['content-length', '5'],
  ['expect', '100-continue'],
  ['te', 'trailers'],
  ['host', 'example.org'],
  ['Upper', 'x'],
  ['connection', 'close'],
  ['x', 'y'.repeat(500)],
];

const stream = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(1, 3, 5, 7, 9, 11, 13) },
  fc.constantFrom(0, 2, 101, 0x7fffffff),
);
const octets = (most: number) => fc.uint8Array({ maxLength: most });
const fields = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'CONNECT'),
    fc.constantFrom(...PATHS),
    fc.subarray([...FIELDS]),
  )
  .map(([method, path, more]): FieldLine[] => [[':method', method], ...get(path, ...more).slice(1)]);

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(stream, fields, fc.boolean(), fc.boolean(), fc.constantFrom(16384, 16384, 30))
      .map(([id, lines, ends, indexes, most]) => block(id, indexes ? indexing(lines) : literals(lines), ends, most)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(stream, octets(30), fc.boolean()).map(([id, bytes, ends]) => block(id, bytes, ends)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(stream, octets(40), fc.nat(15))
      .map(([id, bytes, flags]) => frame(FRAME.data, flags, id, bytes)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(stream, fc.constantFrom(0, 1, 5, 1000, 65535, 0x7fffffff))
      .map(([id, value]) => frame(FRAME.windowUpdate, 0, id, [value >>> 24, value >>> 16, value >>> 8, value])),
  },
  { weight: 2, arbitrary: stream.map((id) => frame(FRAME.rstStream, 0, id, [0, 0, 0, 8])) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(1, 2, 3, 4, 5, 6, 9, 0x99),
        fc.constantFrom(0, 1, 10, 16384, 65535, 0x7fffffff, 0xffffffff),
      )
      .map((pair) => settings([pair])),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(stream, fc.constantFrom('u=0', 'u=7,i', 'i', ',', ''))
      .map(([id, text]) =>
        frame(FRAME.priorityUpdate, 0, 0, Buffer.concat([Buffer.from([0, 0, 0, id & 127]), Buffer.from(text)])),
      ),
  },
  { weight: 1, arbitrary: octets(8).map((bytes) => frame(FRAME.ping, 0, 0, bytes)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(17), fc.nat(255), stream, octets(20))
      .map(([type, flags, id, bytes]) => frame(type, flags, id, bytes)),
  },
  { weight: 1, arbitrary: octets(12).map((bytes) => Buffer.from(bytes)) },
);

/** Frames, an octet or two that are changed, the sizes that all is cut into, and whether the peer reads and ends. */
export const conversation = fc.record({
  actions: fc.array(action, { minLength: 1, maxLength: 14 }),
  edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
  sizes: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 }),
  window: fc.constantFrom(0, 1, 100, 65535),
  reads: fc.boolean(),
  fin: fc.boolean(),
});
type Conversation = typeof conversation extends fc.Arbitrary<infer C> ? C : never;

/** How many whole frames `bytes` begin with. */
function framesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + FRAME_HEADER <= bytes.length; count++) {
    at += FRAME_HEADER + bytes.readUIntBE(at, 3);
    if (at > bytes.length) break;
  }
  return count;
}

/** One server under fire. */
export class Fuzz {
  /** Frames of the conversations so far, before an octet is changed. Each conversation is played twice. */
  frames = 0;
  readonly #setup = new Setup({
    log: (record) =>
      void [record.method, record.target, record.protocol, record.referer, record.userAgent, record.host],
  });

  /** Throws when anything is not as it must be. */
  check(input: Conversation): void {
    const bytes = Buffer.concat(input.actions);
    for (const one of input.actions) this.frames += framesIn(Buffer.from(one));
    for (const [at, octet] of input.edits) bytes[at % bytes.length] = octet;
    const pieces: Uint8Array[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = input.sizes[i % input.sizes.length]!;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    const whole = this.#run([bytes], input);
    const cut = this.#run(pieces, input);
    // What comes for a stream whose answer is sent already is another error than while it is being sent (RFC 9113 5.1).
    if (whole === ERROR.streamClosed || cut === ERROR.streamClosed) return;
    if (whole !== cut) throw new Error(`GOAWAY with ${whole}, and with ${cut} when it comes in pieces`);
  }

  /** The error with which the connection ended. */
  #run(pieces: readonly Uint8Array[], { window, reads, fin }: Conversation): number | undefined {
    const { server, clock } = this.#setup;
    const flow = this.#setup.connect();
    const client = new Http2Client(flow, [[0x4, window]]);
    client.opens = false;
    client.window = Number.POSITIVE_INFINITY;
    flow.reading = reads;
    for (const piece of pieces) flow.send(piece);
    flow.reading = true;
    flow.take(Number.POSITIVE_INFINITY);
    client.read();
    const error = client.goAway?.code;
    // Whatever the peer asked for, it is over after a while.
    if (fin) flow.finish();
    clock.advance(300_000);
    if (flow.closed === undefined) throw new Error('the connection is still open');
    client.read();
    if (server.connections !== 0) throw new Error(`${server.connections} connections are left`);
    if (clock.pending !== 0) throw new Error(`${clock.pending} timers are left`);
    // Another connection is served as if nothing had been.
    const next = new Http2Client(this.#setup.connect());
    next.send(headers(1, get('/docs/')));
    if (next.response(1).text !== 'docs') throw new Error('another connection');
    next.flow.abort();
    return error;
  }
}

/** How a field is written, with a choice of what its name and value are. */
export const blocks = fc.array(
  fc.array(
    fc.record({
      how: fc.nat(3),
      name: fc.constantFrom('x', 'accept', 'cookie', 'longer-name', ':path', 'user-agent'),
      value: fc.oneof(
        fc.constantFrom('', 'a', '/index.html', 'gzip, deflate'),
        fc.nat(900).map((length) => 'v'.repeat(length)),
      ),
      old: fc.nat(200),
      size: fc.option(fc.constantFrom(0, 64, 500, TABLE_SIZE), { freq: 20 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  { minLength: 1, maxLength: 10 },
);
type Blocks = typeof blocks extends fc.Arbitrary<infer B> ? B : never;

/** An encoder that keeps a table as RFC 7541 has it, in the plainest way. */
class Encoder {
  #entries: FieldLine[] = [];
  #limit = TABLE_SIZE;
  readonly out: number[] = [];

  integer(pattern: number, bits: number, value: number): void {
    const most = (1 << bits) - 1;
    if (value < most) this.out.push(pattern | value);
    else {
      this.out.push(pattern | most);
      let rest = value - most;
      for (; rest >= 128; rest >>= 7) this.out.push((rest & 127) | 128);
      this.out.push(rest);
    }
  }

  string(text: string): void {
    this.integer(0, 7, text.length);
    for (const c of text) this.out.push(c.charCodeAt(0));
  }

  resize(size: number): void {
    this.integer(0x20, 5, size);
    this.#limit = size;
    this.#evict(0);
  }

  /** An entry by its index; undefined: there is none. */
  entry(index: number): FieldLine | undefined {
    return index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#entries[index - STATIC_TABLE.length - 1];
  }

  add(line: FieldLine): void {
    const size = line[0].length + line[1].length + 32;
    this.#evict(size);
    if (size <= this.#limit) this.#entries.unshift(line);
  }

  #evict(room: number): void {
    const sizes = (): number => this.#entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (this.#entries.length > 0 && sizes() + room > this.#limit) this.#entries.pop();
  }
}

/** Throws when blocks are not decoded to what they were made of. */
export function checkBlocks(input: Blocks): void {
  const encoder = new Encoder();
  const fields = new Collected();
  const decoder = new HpackDecoder(fields);
  const table = new DynamicTable();
  for (const block of input) {
    const expected: string[] = [];
    encoder.out.length = 0;
    block.forEach(({ how, name, value, old, size }, i) => {
      if (i === 0 && size !== null) encoder.resize(size);
      const entry = encoder.entry(old);
      if (how === 0 && entry !== undefined) {
        encoder.integer(0x80, 7, old);
        expected.push(entry.join(': '));
        return;
      }
      const indexes = how === 1;
      const known = how === 2 ? entry : undefined;
      encoder.integer(indexes ? 0x40 : how === 3 ? 0x10 : 0, indexes ? 6 : 4, known === undefined ? 0 : old);
      if (known === undefined) encoder.string(name);
      encoder.string(value);
      const line: FieldLine = [known?.[0] ?? name, value];
      if (indexes) encoder.add(line);
      expected.push(line.join(': '));
    });
    fields.begin();
    const bytes = Uint8Array.from(encoder.out);
    if (!decoder.decode(table, bytes, 0, bytes.length, fields)) throw new Error('a good block is refused');
    if (fields.lines.join('\n') !== expected.join('\n')) throw new Error(`${fields.lines}\nfor\n${expected}`);
  }
}

/** Octets that are no block, or one by chance. */
export const junk = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 });

/** Throws when a decoder bears them badly. */
export function checkJunk(input: readonly Uint8Array[]): void {
  const fields = new Collected();
  const decoder = new HpackDecoder(fields);
  const table = new DynamicTable();
  for (const bytes of input) {
    fields.begin();
    decoder.decode(table, bytes, 0, bytes.length, fields);
    if (table.size > TABLE_SIZE || table.bytes.length > TABLE_SIZE) throw new Error('the table is too large');
  }
}
