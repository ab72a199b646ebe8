/** Several processes that serve one directory compress each content once. */
import { availableParallelism } from 'node:os';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { isChecked } from '../../src/store/compress/decompress-now.js';
import { LARGEST_GIVEN, type Made, type Partner, SharedWork } from '../../src/store/compress/shared-work.js';
import type { Store } from '../../src/store/index.js';
import { ServedDirectory } from '../../src/store/open/serve-directory.js';
import { blobOf } from '../../src/store/site/blob.js';
import { resource, tree } from './tree.js';

const CODINGS = ['identity', 'gzip', 'br', 'zstd'];
const CHECKED = (['gzip', 'br', 'zstd'] as const).filter(isChecked);
const PAGES = 60;

function site(): Record<string, string> {
  const page = (n: number) => `<!doctype html><title>${n}</title>${`<p>paragraph ${n}</p>`.repeat(50)}`;
  return Object.fromEntries(Array.from({ length: PAGES }, (_, i) => [`p/${i}.html`, page(i)]));
}

interface Run {
  readonly shared: SharedWork;
  readonly begin: () => Promise<void>;
  readonly done: Promise<void>;
  readonly last: () => Store;
  readonly notes: readonly string[];
}

/** One process of two; `send` gets what it gives. */
function process(t: Test, dir: string, partner: Omit<Partner, 'count'>): Run {
  const shared = new SharedWork({ ...partner, count: 2 });
  let last: Store | undefined;
  const notes: string[] = [];
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const onNote = (note: string): void => {
    notes.push(note);
    if (note.includes('all is compressed')) finished();
  };
  const onCoded = (store: Store): void => {
    last = store;
  };
  const served = new ServedDirectory(dir, { cache: false, atOnce: 0, shared, onCoded, onNote });
  t.teardown(() => served.close());
  const begin = async (): Promise<void> => {
    await served.open();
    served.begin();
  };
  return { shared, begin, done, last: () => last!, notes };
}

function complete(t: Test, store: Store): void {
  for (const path of Object.keys(site()))
    t.same(
      resource(store, `/${path}`).representations.map(({ coding }) => coding),
      CODINGS,
      path,
    );
}

for (const trusted of [true, false]) {
  const shareable = trusted ? 3 : CHECKED.length;
  const believed = trusted ? 'believed' : 'checked';
  t.test(
    `two processes do each task once, but for those under way when they meet; results are ${believed}`,
    async (t) => {
      const dir = tree(t, site());
      const given: [Made[], Made[]] = [[], []];
      const first: Run = process(t, dir, {
        number: 1,
        trusted,
        send: (made) => {
          given[0].push(made);
          second.shared.heard(made);
        },
      });
      const second: Run = process(t, dir, {
        number: 2,
        trusted,
        send: (made) => {
          given[1].push(made);
          first.shared.heard(made);
        },
      });
      await Promise.all([first.begin(), second.begin()]);
      await Promise.all([first.done, second.done]);
      const both = given[0].length + given[1].length;
      const wanted = PAGES * shareable;
      // What is under way: a task for each thread, and two more.
      const most = wanted + 2 * (availableParallelism() + 2);
      t.ok(both >= wanted && both <= most, `${both} results were made for ${wanted} tasks`);
      const names = new Set(given.flat().map(({ content, coding }) => `${content} ${coding}`));
      t.equal(names.size, wanted, 'each task was done by one of them');
      for (const { last } of [first, second]) complete(t, last());
      t.match(first.notes.at(-1), /all is compressed, \d+ results by other workers$/);
    },
  );
}

t.test('what comes before a reading wants it is kept for it', async (t) => {
  const dir = tree(t, site());
  const early: Made[] = [];
  const alone = process(t, dir, { number: 1, trusted: true, send: (made) => early.push(made) });
  await alone.begin();
  await alone.done;
  const late: Made[] = [];
  const second = process(t, dir, { number: 2, trusted: true, send: (made) => late.push(made) });
  for (const made of early) second.shared.heard(made);
  await second.begin();
  await second.done;
  t.equal(early.length, PAGES * 3);
  t.same(late, []);
  complete(t, second.last());
});

t.test('one that gives nothing, or only what is wrong, changes nothing', async (t) => {
  const dir = tree(t, site());
  const { last, begin, done, shared } = process(t, dir, { number: 1, trusted: false, send: () => undefined });
  for (const [path, text] of Object.entries(site())) {
    const content = blobOf(Buffer.from(text)).sha256;
    const wrong = Buffer.from(`<script>${path}</script>`);
    const settings = `zlib ${globalThis.process.versions['zlib']} level 6`;
    shared.heard({ content, coding: 'gzip', settings, bytes: gzipSync(wrong) });
    const brotli = `brotli ${globalThis.process.versions['brotli']} level 5`;
    const bytes = Number(path.slice(2, -5)) % 2 === 0 ? brotliCompressSync(wrong) : Buffer.from('not brotli');
    shared.heard({ content, coding: 'br', settings: brotli, bytes });
    shared.heard({ content, coding: 'zstd', settings: 'any', bytes: wrong });
  }
  await begin();
  await done;
  complete(t, last());
  const expected = process(t, dir, { number: 1, trusted: false, send: () => undefined });
  await expected.begin();
  await expected.done;
  for (const path of Object.keys(site())) {
    const tags = (store: Store) => resource(store, `/${path}`).representations.map(({ etag }) => etag);
    t.same(tags(last()), tags(expected.last()), path);
  }
});

t.test('of what nobody wants at most 32 MiB are kept, and anything else than a result is dropped', (t) => {
  const shared = new SharedWork({ number: 1, count: 2, trusted: true, send: t.fail });
  const bytes = new Uint8Array(2 ** 20);
  const made = (i: number) => ({ content: i.toString(16).padStart(64, '0'), coding: 'gzip', settings: '', bytes });
  for (let i = 0; i < 100; i++) shared.heard(made(i));
  t.equal(shared.kept, 31);
  for (const odd of [
    undefined,
    null,
    7,
    'made',
    {},
    [],
    { ...made(1), content: '../../x' },
    { ...made(1), content: 7 },
    { ...made(1), coding: 'identity' },
    { ...made(1), settings: undefined },
    { ...made(1), bytes: 'bytes' },
    { ...made(1), bytes: { length: 5 } },
    { ...made(1), bytes: new Uint8Array(LARGEST_GIVEN + 1) },
  ])
    shared.heard(odd);
  t.equal(shared.kept, 31);
  t.end();
});
