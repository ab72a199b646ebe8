/**
 * What one query can cause is bounded by a constant, whatever strangers ask: bytes that are read, places of the table
 * of names and proofs that are looked at, bytes that a message in crumbs has copied. All of it is counted.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Catalog } from '../../src/dns/answer/catalog.js';
import { Denials } from '../../src/dns/answer/denials.js';
import { NameTable } from '../../src/dns/answer/name-table.js';
import { MAX_LABELS } from '../../src/dns/wire/constants.js';
import { parseName } from '../../src/dns/wire/name.js';
import { Query } from '../../src/dns/wire/query.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { documented } from '../documented.js';
import { query } from './message.js';
import { framed, messages, NameServerInMemory, zone } from './setup.js';

const ROW = 'query of a name server';
/** Bytes read for each byte of a query; places looked at for a label; proofs looked at; see docs/bounds.md. */
const [READS = 0, PLACES = 0, HALVES = 0] = documented('docs/bounds.md', ROW);
const NAMES = 100_000;

interface Count {
  reads: number;
}

/** An array that counts what is read of it by number. */
function counted<T extends object>(array: T, count: Count): T {
  return new Proxy(array, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) count.reads += 1;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const bytes = (...parts: (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** A header with these numbers of records. */
const header = (flags: number, ...counts: number[]): number[] => [
  ...[0x12, 0x34, flags >> 8, flags & 255],
  ...counts.flatMap((one) => [one >> 8, one & 255]),
];

const LONGEST = Array.from({ length: MAX_LABELS - 1 }, () => [1, 0x61]).flat();
const QUESTION = [...LONGEST, 0, 0, 1, 0, 1];
/** A record whose owner has as many labels, and no data. */
const RECORD = [...LONGEST, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0];

/** An OPT record of `count` empty options. */
function opt(count: number, code = 65_001): number[] {
  const length = 4 * count;
  const options = Array.from({ length: count }, () => [code >> 8, code & 255, 0, 0]).flat();
  return [0, 0, 41, 4, 208, 0, 0, 0, 0, length >> 8, length & 255, ...options];
}

t.test(`a message's bytes are read ${READS} times at most`, async (t) => {
  const random = new SeededRandom(7);
  const flood: [string, Uint8Array][] = [
    ['the longest name', bytes(header(0, 1, 0, 0, 0), QUESTION)],
    ['ANY', query('site.example', 'ANY')],
    ['1,000 options', bytes(header(0, 1, 0, 0, 1), QUESTION, opt(1000))],
    ['33 cookies', bytes(header(0, 1, 0, 0, 1), QUESTION, opt(33, 10))],
    ['four OPT records', bytes(header(0, 1, 0, 0, 4), QUESTION, opt(8), opt(8), opt(8), opt(8))],
    ['65,535 additional records', bytes(header(0, 1, 0, 0, 65_535), QUESTION, ...Array(5).fill(RECORD))],
    ['65,535 questions', bytes(header(0, 65_535, 0, 0, 0), ...Array(14).fill(QUESTION))],
    ['UPDATE of 64 records', bytes(header(5 << 11, 1, 32, 32, 0), QUESTION, ...Array(15).fill(RECORD))],
    ['pointers', bytes(header(0, 1, 0, 0, 4), QUESTION, ...Array(4).fill([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]))],
    ['a loop of pointers', bytes(header(0, 1, 0, 0, 0), [0xc0, 12, 0, 1, 0, 1])],
    ['noise', Uint8Array.from({ length: 4096 }, () => random.random32())],
  ];
  const reader = new Query();
  for (const [title, message] of flood) {
    const count = { reads: 0 };
    reader.read(counted(message, count), 0, message.length);
    const most = READS * message.length;
    t.ok(count.reads > 0 && count.reads <= most, `${title}: ${count.reads} of ${message.length} bytes`);
  }
});

/** Names as zones have them, and as somebody makes them. */
const KINDS: readonly [string, (i: number) => string][] = [
  ['numbered', (i) => `host${i}.site.example`],
  ['with zeros', (i) => `n${String(i).padStart(8, '0')}.site.example`],
  ['by address', (i) => `${i & 255}.${(i >> 8) & 255}.${i >> 16}.site.example`],
  ['in hexadecimal digits', (i) => `${Math.imul(i, 0x9e37_79b1) >>> 0}x.site.example`.toLowerCase()],
];

t.test(`a name is found within ${PLACES} places for each label, among ${NAMES} names, whatever is asked`, async (t) => {
  for (const [title, name] of KINDS) {
    const entries = Array.from({ length: NAMES }, (_, i) => [parseName(`${name(i)}.`, undefined), i] as const);
    const table = new NameTable(entries);
    // Who knows the zone asks for a name that begins anywhere: the longest run of places that are taken is the bound.
    const { slots } = table as unknown as { slots: Int32Array };
    let longest = 0;
    for (let i = 0, run = 0; i < 2 * slots.length; i++) {
      run = slots[i % slots.length] === 0 ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    t.ok(longest <= PLACES, `${title}: ${longest} places in a row are taken`);
  }
});

t.test('a name of 127 labels that is not there is one pass over its labels', async (t) => {
  const text = Array.from({ length: 2000 }, (_, i) => `h${i} A 192.0.2.1`).join('\n');
  const made = zone(`$ORIGIN a.\n$TTL 1\n@ SOA n h 1 2 3 4 5\n@ NS n\nn A 192.0.2.1\n${text}\n`, undefined, 'a.zone');
  const count = { reads: 0 };
  const { names } = made as unknown as { names: { slots: Int32Array } };
  names.slots = counted(names.slots, count);
  const catalog = new Catalog([made]);
  const asked = new Query();
  const message = bytes(header(0, 1, 0, 0, 0), QUESTION);
  asked.read(message, 0, message.length);
  t.equal(catalog.find(asked), true);
  t.ok(count.reads > 0 && count.reads <= 2 * PLACES * MAX_LABELS, `${count.reads} places`);
});

t.test(`the proof that a name is not there is found in ${HALVES} looks at most, among ${NAMES}`, async (t) => {
  const denials = Object.create(Denials.prototype) as Denials;
  const count = { reads: 0 };
  const all = Array.from({ length: NAMES }, (_, i) => {
    const name = parseName(`n${String(i).padStart(6, '0')}.`, undefined);
    return { name, starts: Uint8Array.of(0) };
  });
  Object.assign(denials, { all: counted(all, count) });
  const random = new SeededRandom(3);
  let worst = 0;
  for (let i = 0; i < 2000; i++) {
    count.reads = 0;
    denials.of(parseName(`n${(random.random32() >>> 0) % 1_000_000}x.`, undefined));
    worst = Math.max(worst, count.reads);
  }
  t.ok(worst > 0 && worst <= HALVES, `${worst} looks`);
});

t.test('a flood over UDP leaves nothing behind: random names, ANY, options, forged sources', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const SITE = '$ORIGIN site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n* A 192.0.2.2\n';
  const server = await new NameServerInMemory([zone(SITE)], { rate: undefined }).open();
  const random = new SeededRandom(11);
  const number = (): number => random.random32() >>> 0;
  const source = (): string => `${number() % 223}.${number() & 255}.${number() & 255}.9@${number() & 0xffff}`;
  const kinds: readonly (() => Uint8Array)[] = [
    () => query(`x${number()}.site.example`, 'A'),
    () => query(`x${number()}.y${number()}.other.example`, 'AAAA', { udpSize: 4096 }),
    () => query('site.example', 'ANY', { udpSize: 4096 }),
    () =>
      query('site.example', 'TXT', {
        options: [
          [10, number().toString(16).padStart(16, '0')],
          [number() & 0xffff, ''],
        ],
      }),
    () => bytes(header(0, 1, 0, 0, 1), QUESTION, opt(40)),
  ];
  const flood = (count: number): void => {
    for (let i = 0; i < count; i++) {
      server.exchange(kinds[i % kinds.length]!(), source());
      server.datagrams.sent.length = 0;
    }
  };
  const used = (): number => {
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  flood(5_000);
  const before = used();
  flood(20_000);
  const grown = used() - before;
  t.ok(grown < 256 * 1024, `${grown} bytes more after 20,000 queries from as many networks`);
});

t.test('a query over TCP that comes byte by byte takes three times its memory at most', async (t) => {
  const SITE = '$ORIGIN site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n';
  const server = await new NameServerInMemory([zone(SITE)]).open();
  const [most = 0] = documented('docs/dns.md', 'A query over TCP');
  const flow = server.connect();
  const long = framed(bytes(header(0, 1, 0, 0, 1), QUESTION, opt(((most - 12 - QUESTION.length - 11) / 4) | 0)));
  const buffers = new Set<ArrayBufferLike>();
  let held = 0;
  for (const byte of long) {
    flow.send(Uint8Array.of(byte));
    const kept = (flow.context as { held: Uint8Array }).held;
    buffers.add(kept.buffer);
    held = Math.max(held, kept.length);
  }
  const copied = [...buffers].reduce((sum, one) => sum + one.byteLength, 0);
  t.ok(held <= most + 2, `${held} bytes are held`);
  t.ok(copied <= 3 * (most + 2), `${copied} bytes of memory were taken for ${long.length}`);
  t.equal(messages(flow.received).length, 1, 'and it is answered');
});
