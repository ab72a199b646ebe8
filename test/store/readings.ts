/**
 * A program: `node build/test/store/readings.js DIRECTORY FILE` prints, as JSON, how many steps each reading of a site
 * takes at most between two turns of the loop. Steps are counted by what is looked at, and never by a clock.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { htmlReader } from '../../src/store/html/html.js';
import { bundleDirectory, openStore, type Store } from '../../src/store/index.js';
import { DEFAULT_KEPT_ASSETS, KeptAssets } from '../../src/store/open/kept-assets.js';
import { ServedDirectory } from '../../src/store/open/serve-directory.js';
import { watchStore } from '../../src/store/open/watch.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

let steps = 0;
for (const [on, names] of [
  [Map.prototype, ['get', 'set', 'has', 'delete']],
  [Set.prototype, ['add', 'has', 'delete']],
] as const)
  for (const name of names) {
    const own = Reflect.get(on, name) as Method;
    Reflect.set(on, name, function (this: unknown, ...args: unknown[]) {
      steps++;
      return own.apply(this, args);
    });
  }
for (const name of ['map', 'filter', 'sort', 'forEach', 'some', 'every', 'find', 'flatMap', 'reduce']) {
  const own = Reflect.get(Array.prototype, name) as Method;
  Reflect.set(Array.prototype, name, function (this: unknown[], ...args: unknown[]) {
    steps += name === 'reduce' ? 0 : this.length;
    return own.apply(this, args);
  });
}
// Each look at the clock finds the slice used up: what lies between two turns is what lies between two looks.
let time = performance.now();
performance.now = () => {
  time += 5;
  return time;
};

async function most(work: () => Promise<unknown>): Promise<number> {
  let [found, open] = [0, true];
  steps = 0;
  const turn = (): void => {
    found = Math.max(found, steps);
    steps = 0;
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  open = false;
  return Math.max(found, steps);
}

const [dir, bundle] = process.argv.slice(2) as [string, string];
const readings: Record<string, number> = {};
// Its tables are made once.
await htmlReader();

for (const options of [{}, { listing: true, base: 'docs', preload: 'link' as const, metaRefresh: true }]) {
  const name = (reading: string): string => `${reading}${'base' in options ? ', with all options' : ''}`;
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const served = new ServedDirectory(dir, {
    ...options,
    cache: false,
    atOnce: 0,
    interval: 1e9,
    onCoded: () => undefined,
    onNote: (note) => {
      if (note.endsWith('all is compressed')) finished();
    },
  });
  let first: Store | undefined;
  readings[name('first reading')] = await most(async () => {
    first = await served.open();
    served.begin();
  });
  if (!('base' in options)) readings['compressing'] = await most(() => done);
  readings[name('second reading')] = await most(async () => {
    const kept = new KeptAssets({ ...DEFAULT_KEPT_ASSETS, time: 1e9 }, () => 0);
    await kept.prepare(first!, await served.open());
  });
  served.close();
}

await bundleDirectory(dir, bundle, { compression: 'none' });
readings['opening a bundle'] = await most(() => openStore(bundle));

let next: () => void = () => undefined;
const watcher = await watchStore(dir, { settle: 1 }, () => next());
const extra = join(dir, '7/another.html');
const changes: Record<string, () => void> = {
  'a page that comes': () => writeFileSync(extra, 'another'),
  'a page that goes': () => rmSync(extra),
  'a page that changes': () => writeFileSync(join(dir, 'index.html'), 'another home'),
};
for (const [name, change] of Object.entries(changes)) {
  readings[name] = await most(async () => {
    const store = new Promise<void>((resolve) => {
      next = resolve;
    });
    change();
    await store;
  });
}
watcher.close();
process.stdout.write(JSON.stringify(readings));
