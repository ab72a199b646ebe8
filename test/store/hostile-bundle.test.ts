/**
 * Bundles whose hashes are right and whose contents lie: each is refused with a StoreError when it is opened, or serves
 * every path without a throw. The seed of a failure is in fast-check's report.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { type BundleHeader, readHeader, type Section } from '../../src/store/format/bundle-header.js';
import {
  ANSWER_BYTES,
  AT,
  HEADER_HASH_AT,
  KEY_BYTES,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  REP,
  REP_BYTES,
  SLOT_BYTES,
} from '../../src/store/format/format.js';
import { hashPages, sha256 } from '../../src/store/format/hash-tree.js';
import { bundleDirectory, StoreError } from '../../src/store/index.js';
import { BundleStore } from '../../src/store/read/bundle-store.js';
import { HeadTexts } from '../../src/store/read/head-texts.js';
import { atOnce } from '../../src/store/slices.js';
import { MemoryFlow } from '../http/memory-flow.js';
import { request } from '../http/setup.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { directory, lookup, tree } from './tree.js';

const site = {
  'index.html': '<h1>home</h1>'.repeat(300),
  'page.en.html': 'a page',
  'page.de.html': 'eine Seite',
  'blog/index.html': 'blog',
  'blog/404.html': 'none in the blog',
  '404.html': 'none',
  'big.bin': Uint8Array.from({ length: 40_000 }, (_, i) => (i * 7919) >> 3),
  _redirects: '/old/* /blog/:splat 301\n/moved /blog/ 302\n/gone/* /404.html 410\n/:a-x.html /page.html 200',
  _headers: '/*\n  X-A: 1\n/blog/*\n  X-B: :splat\n  ! X-A',
};
const paths = [
  '/',
  '/page',
  '/page.html',
  '/blog',
  '/blog/no',
  '/no',
  '/big.bin',
  '/old/x',
  '/moved',
  '/gone/1',
  '/PAGE',
  '/1-x.html',
];

async function good(t: Parameters<typeof tree>[0]): Promise<Uint8Array> {
  const file = join(directory(t), 'site.bundle');
  await bundleDirectory(tree(t, site), file, {
    compression: 'fast',
    cache: false,
    languages: ['en', 'de'],
    preload: 'early-hints',
  });
  return new Uint8Array(readFileSync(file));
}

/**
 * Makes every hash agree with what lies in the file; as the header says where that is, while it says so within the
 * file.
 */
function rehash(bytes: Uint8Array, h: BundleHeader): Uint8Array {
  const leaves = hashPages(bytes.subarray(h.data));
  bytes.set(leaves, h.leaves.at);
  const roots = hashPages(leaves);
  bytes.set(roots, h.roots.at);
  bytes.set(sha256(roots), AT.rootHash);
  bytes.set(sha256(bytes.subarray(0, HEADER_HASH_AT)), HEADER_HASH_AT);
  return bytes;
}

/** Opens it and asks for every path in several ways, over HTTP. Whether it was opened. */
function serves(bytes: Uint8Array): boolean {
  let store: BundleStore;
  try {
    store = new BundleStore(bytes, { name: 'site.bundle', trusted: false });
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
  const faults: unknown[] = [];
  const clock = new VirtualClock();
  const server = new HttpServer({ store: () => store, clock, onFault: (error) => faults.push(error) });
  for (const path of paths) {
    lookup(store, path);
    for (const lines of [
      [],
      ['Accept-Encoding: br, gzip'],
      ['Range: bytes=1-5,7-9', 'Accept-Language: de'],
      ['If-None-Match: *'],
    ]) {
      const flow = MemoryFlow.connect(server.accept);
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) flow.send(request(method, path, ...lines));
      if (!/^HTTP\/1\.1 \d{3} /.test(flow.text)) throw new Error(`${path}: ${flow.text.slice(0, 60)}, ${flow.closed}`);
    }
  }
  for (const _ of store.resources());
  if (faults.length > 0) throw faults[0];
  return true;
}

const INTERESTING = [0, 1, 2, 3, 4, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

t.test('the bundle itself serves every path', async (t) => {
  const bytes = await good(t);
  t.ok(serves(bytes));
  t.ok(serves(rehash(bytes.slice(), readHeader(bytes, bytes.length, 'x'))), 'and so it does when it is hashed again');
});

t.test('any bytes changed, hashed again: refused, or no throw', async (t) => {
  const bytes = await good(t);
  const h = readHeader(bytes, bytes.length, 'x');
  const places = [
    h.slots,
    h.keys,
    h.answers,
    h.reps,
    h.strings,
    h.manifest,
    { at: h.content.at, end: h.content.at + 8000 },
  ];
  const place = fc.nat(places.length - 1).chain((i) => fc.integer({ min: places[i]!.at, max: places[i]!.end - 1 }));
  let opened = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const bad = bytes.slice();
      for (const [at, x] of changes) bad[at] = x;
      if (serves(rehash(bad, h))) opened++;
    }),
    { numRuns: 400 },
  );
  t.ok(opened > 0, 'some of them are opened: the property is about more than a refusal');
});

t.test('numbers of records replaced by others, hashed again: refused, or no throw', async (t) => {
  const bytes = await good(t);
  const h = readHeader(bytes, bytes.length, 'x');
  const words = (s: Section): number[] => Array.from({ length: (s.end - s.at) >> 2 }, (_, i) => s.at + i * 4);
  const all = [h.keys, h.answers, h.reps, h.slots].flatMap(words);
  const view = new DataView(bytes.buffer);
  const value = fc.oneof(
    fc.constantFrom(...INTERESTING).map((n) => () => n),
    fc.integer({ min: -70, max: 70 }).map((d) => (old: number) => (old + d) >>> 0),
    fc.nat(all.length - 1).map((i) => () => view.getUint32(all[i]!, true)),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(all.length - 1), value), { minLength: 1, maxLength: 3 }), (changes) => {
      const bad = bytes.slice();
      const words = new DataView(bad.buffer);
      for (const [i, change] of changes) words.setUint32(all[i]!, change(words.getUint32(all[i]!, true)), true);
      serves(rehash(bad, h));
    }),
    { numRuns: 600 },
  );
});

t.test('numbers of the header replaced by others: refused, or no throw, at once', async (t) => {
  const bytes = await good(t);
  const fields = Object.values(AT).filter((at) => at !== AT.rootHash && at !== AT.version);
  const numbers = [...fields, ...fields.map((at) => at + 4)].filter((at) => at < AT.rootHash);
  fc.assert(
    fc.property(
      fc.constantFrom(...numbers),
      fc.oneof(fc.constantFrom(...INTERESTING), fc.nat(bytes.length)),
      (at, value) => {
        const bad = bytes.slice();
        new DataView(bad.buffer).setUint32(at, value, true);
        bad.set(sha256(bad.subarray(0, HEADER_HASH_AT)), HEADER_HASH_AT);
        serves(bad);
      },
    ),
    { numRuns: 500 },
  );
});

t.test('what contradicts its sections is refused when it is opened, each kind of it', async (t) => {
  const bytes = await good(t);
  const h = readHeader(bytes, bytes.length, 'x');
  const refused = (name: string, change: (view: DataView, bytes: Uint8Array) => void): void => {
    const bad = bytes.slice();
    change(new DataView(bad.buffer), bad);
    rehash(bad, h);
    t.throws(
      () => new BundleStore(bad, { name: 'b', trusted: false }),
      { name: 'StoreError', message: /contradicts itself/ },
      name,
    );
  };
  const answers = (h.answers.end - h.answers.at) / ANSWER_BYTES;
  const of = (kind: number): number => {
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < answers; i++)
      if (view.getUint16(h.answers.at + i * ANSWER_BYTES, true) === kind) return h.answers.at + i * ANSWER_BYTES;
    throw new Error(`no answer of the kind ${kind}`);
  };
  refused('16 million files', (v) => v.setUint32(AT.files, 16_000_000, true));
  refused('4 billion files', (v) => v.setUint32(AT.files, 0xffffffff, true));
  for (const head of REP.heads)
    refused(`a head that ends before it begins, ${head}`, (v) => {
      const [start, end] = [v.getUint32(h.reps.at + head, true), v.getUint32(h.reps.at + head + 4, true)];
      v.setUint32(h.reps.at + head, end, true);
      v.setUint32(h.reps.at + head + 4, start, true);
    });
  refused('a body behind the content', (v) => v.setUint8(h.reps.at + REP.endHigh, 1));
  refused('a body that ends before it begins', (v) => v.setUint8(h.reps.at + REP.startHigh, 1));
  refused('an unknown coding', (v) => v.setUint16(h.reps.at, 4, true));
  refused('codings in a wrong order', (v) => v.setUint16(h.reps.at, 1, true));
  refused('an entity tag behind the strings', (v) => v.setUint32(h.reps.at + REP.etag, 0xffffff00, true));
  refused('no representation', (v) => v.setUint32(h.answers.at + 8, 0, true));
  refused('4 billion representations', (v) => v.setUint32(h.answers.at + 8, 0xffffffff, true));
  refused('representations behind their section', (v) =>
    v.setUint32(h.answers.at + 4, (h.reps.end - h.reps.at) / REP_BYTES, true),
  );
  refused('an unknown kind', (v) => v.setUint16(h.answers.at, 9, true));
  refused('an unknown status', (v) => v.setUint16(h.answers.at + 2, 999, true));
  refused('a redirect with the status of a page', (v) => v.setUint16(of(KIND_REDIRECT) + 2, 200, true));
  refused('a redirect to a line break', (v, b) => {
    b[h.strings.at + v.getUint32(of(KIND_REDIRECT) + 4, true) + 2] = 0x0a;
  });
  refused('a redirect to another host without a scheme', (v, b) => {
    b[h.strings.at + v.getUint32(of(KIND_REDIRECT) + 4, true) + 1] = 0x2f;
  });
  refused('translations of translations', (v) => {
    const at = of(KIND_LANGUAGES);
    v.setUint32(at + 4, (at - h.answers.at) / ANSWER_BYTES, true);
  });
  refused('more translations than answers', (v) => v.setUint32(of(KIND_LANGUAGES) + 8, 1000, true));
  refused('a key with an answer that is not there', (v) => v.setUint32(h.keys.at + 8, answers + 1, true));
  refused('a path behind the strings', (v) => v.setUint32(h.keys.at, h.strings.end - h.strings.at, true));
  refused('a slot with a key that is not there', (v) => {
    for (let at = h.slots.at; at < h.slots.end; at += SLOT_BYTES)
      if (v.getUint32(at + 4, true) !== 0) v.setUint32(at + 4, (h.keys.end - h.keys.at) / KEY_BYTES + 1, true);
  });
  refused('a table of paths without an empty slot', (v) => {
    for (let at = h.slots.at; at < h.slots.end; at += SLOT_BYTES) v.setUint32(at + 4, 1, true);
  });
  refused('a manifest that is no JSON', (_, b) => b.fill(0x5b, h.manifest.at, h.manifest.end));
});

t.test(
  'a rule of a manifest that does not parse, or would break a head, is refused when the bundle is opened',
  async (t) => {
    const bytes = await good(t);
    const h = readHeader(bytes, bytes.length, 'x');
    const text = new TextDecoder().decode(bytes.subarray(h.manifest.at, h.manifest.end));
    const cases: Readonly<Record<string, [string, string]>> = {
      'a pattern without a slash': ['"from":"/old/*"', '"from":"xold/*"'],
      'two stars': ['"from":"/old/*"', '"from":"/*ld/*"'],
      'a pattern that is a number': ['"from":"/old/*"', '"from":12345678'],
      'a target on another host': ['"to":"/blog/:splat"', '"to":"//log/:splat"'],
      'a status that is none': ['"status":301', '"status":999'],
      'an answer that is not there': ['"answer":', '"answer":9'],
      'a negative answer': ['"answer":', '"answer":-'],
      'a field with a line break': ['"value":"1"', '"value":"\\n"'],
      'a field that frames the message': ['"name":"X-A","value"', '"name":"Te","value"'],
      'no list of rules': ['"redirects":[', '"redirectz":['],
    };
    for (const [name, [from, to]] of Object.entries(cases)) {
      const changed = text.replace(from, to);
      t.not(changed, text, `${name}: there is such a thing`);
      const padded = new TextEncoder().encode(changed);
      // As long as it was: white space may stand at the end of JSON. What is longer takes from a name that nobody
      // reads.
      const room = h.manifest.end - h.manifest.at;
      const fitted =
        padded.length <= room
          ? changed.padEnd(room)
          : changed.replace(/level \d+/, (one) => one.slice(padded.length - room));
      const bad = bytes.slice();
      bad.set(new TextEncoder().encode(fitted), h.manifest.at);
      rehash(bad, h);
      t.throws(
        () => new BundleStore(bad, { name: 'b', trusted: false }),
        { name: 'StoreError', message: /contradicts itself \(a rule about|does not tell/ },
        name,
      );
    }
  },
);

t.test(
  'judging the texts of a bundle reads each of their bytes once, however many answers refer to them',
  async (t) => {
    const bytes = await good(t);
    const h = readHeader(bytes, bytes.length, 'x');
    const strings = bytes.subarray(h.strings.at, h.strings.end);
    let reads = 0;
    const counted = new Proxy(strings, {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key, target);
      },
    });
    const texts = atOnce(HeadTexts.of(counted));
    t.ok(reads > 0, 'the reads are counted: the fields of the site have ends of lines');
    for (let i = 0; i < 1000; i++) {
      texts.isLines(0, strings.length);
      texts.isPartOfLine(0, strings.length);
    }
    t.ok(reads <= strings.length * 3 + 1000 * 8, `${reads} reads`);
  },
);
