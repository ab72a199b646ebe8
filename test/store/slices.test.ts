/** A site is walked, read, routed and laid out in slices: the same process answers in between. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { watchStore } from '../../src/store/open/watch.js';
import { MalformedRules } from '../../src/store/rules/malformed-rules.js';
import { parseRedirectRules } from '../../src/store/rules/redirect-rules.js';
import { ShardedMap } from '../../src/store/sharded-map.js';
import { walkStepwise } from '../../src/store/site/walk.js';
import { atOnce, Slices, sorted } from '../../src/store/slices.js';
import { directory, tree } from './tree.js';

const FILES = 1500;
const RULES = 1000;

const site = (): Record<string, string> => ({
  ...Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`${i % 30}/Page${i}.html`, `page ${i}`])),
  'index.html': 'home',
  _redirects: Array.from({ length: RULES }, (_, i) => `/old/${i} /new/${i} 301\n`).join(''),
});

t.test('those that share slices rest together, and each goes on after one rest', async (t) => {
  const slices = new Slices();
  t.equal(slices.rest(), slices.rest());
  await slices.rest();
  t.notOk(slices.due);
});

t.test('of many that rest one goes on in a turn of the loop, each when it is its turn', async (t) => {
  const order: string[] = [];
  let turn = 0;
  let open = true;
  const count = (): void => {
    turn++;
    if (open) setImmediate(count);
  };
  setImmediate(count);
  const work = async (name: string): Promise<void> => {
    const slices = new Slices();
    for (let i = 0; i < 3; i++) {
      await slices.rest();
      order.push(`${name}${turn}`);
    }
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  open = false;
  t.equal(order.map((one) => one[0]).join(''), 'abcabcabc');
  t.equal(new Set(order.map((one) => one.slice(1))).size, 9, `a turn each: ${order}`);
});

t.test('no step of the work is over more than some hundred files or rules', (t) => {
  const count = (steps: Generator<void, unknown>): number => {
    let n = 0;
    while (steps.next().done !== true) n++;
    return n;
  };
  t.ok(count(walkStepwise(tree(t, site()))) >= FILES / 64);
  const rules = site()['_redirects']!;
  const malformed = new MalformedRules(() => [], t.fail);
  t.ok(count(parseRedirectRules(rules, '_redirects', t.fail, malformed)) >= RULES / 64);
  t.equal(atOnce(parseRedirectRules(rules, '_redirects', t.fail, malformed)).length, RULES);
  t.end();
});

t.test('a watched site is read again in many slices when one page changes, and all of it is right', async (t) => {
  const dir = tree(t, site());
  let changed: () => void = () => undefined;
  const next = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const ids: string[] = [];
  const watcher = await watchStore(dir, { settle: 1 }, (store) => {
    ids.push(store.id);
    if (ids.length === 2) changed();
  });
  const { now } = performance;
  let turns = 0;
  let open = true;
  const count = (): void => {
    turns++;
    if (open) setImmediate(count);
  };
  writeFileSync(join(dir, 'index.html'), 'another home');
  setImmediate(count);
  // Each look at the clock finds the slice used up.
  let time = now.call(performance);
  performance.now = () => {
    time += 5;
    return time;
  };
  try {
    await next;
  } finally {
    open = false;
    performance.now = now;
  }
  watcher.close();
  // Answers, keys and bodies; a step of 256 paths in each of nine rounds; a step of 64 rules, twice.
  const least = FILES * 2 + (FILES / 256) * 9 + (RULES / 64) * 2;
  t.ok(turns > least, `${turns} turns of the loop`);
});

t.test('what is sorted in steps is in the order of a sort', (t) => {
  const items = Array.from({ length: 2000 }, (_, i) => ({ key: (i * 7919) % 613, i }));
  const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
  for (const length of [0, 1, 256, 257, 1000, 2000]) {
    const some = items.slice(0, length);
    t.same(atOnce(sorted(some, compare)), [...some].sort(compare), `${length}: equal ones as they came`);
  }
  t.end();
});

t.test('a map of many entries grows in small pieces, whatever its keys are', (t) => {
  const keys: Record<string, (i: number) => string | number> = {
    paths: (i) => `/s${i % 1000}/p${i % 100}-${i}.html`,
    folders: (i) => `/a/long/way/to/${i}/index.html`,
    hashes: (i) => createHash('sha256').update(`${i}`).digest('hex'),
    places: (i) => i * 64,
  };
  for (const [name, key] of Object.entries(keys)) {
    const map = new ShardedMap<string | number, number>();
    for (let i = 0; i < 20_000; i++) map.set(key(i), i);
    t.ok(map.fullest < (20_000 / 256) * 4, `${name}: ${map.fullest} in one`);
    t.equal(map.get(key(777)), 777);
    t.notOk(map.has(key(20_000)));
  }
  t.end();
});

/** Fewer steps than there are pages. */
const MOST = 2048;
const PAGES = 2100;

t.test('a large site is read, compressed, read again, watched and opened in turns of bounded work', async (t) => {
  const page = (i: number): string => `<!doctype html><title>${i}</title>${`<p>${i}</p>`.repeat(30)}`;
  const script = (i: number): string => `a/x.${(i + 0xabc1d20e).toString(16)}f3.js`;
  const dir = tree(t, {
    ...Object.fromEntries(Array.from({ length: PAGES }, (_, i) => [`${i % 30}/Page${i}.html`, page(i)])),
    ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [script(i), `${i}`])),
    'index.html': page(-1),
    _redirects: Array.from({ length: PAGES }, (_, i) => `/old/${i} /new/${i} 301\n`).join(''),
  });
  // In a process of its own: the tests' own hooks take steps, too.
  const program = fileURLToPath(new URL('./readings.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, dir, join(directory(t), 'site.bundle')]);
  const readings = JSON.parse(stdout) as Record<string, number>;
  t.equal(Object.keys(readings).length, 9);
  for (const [reading, steps] of Object.entries(readings)) t.ok(steps < MOST, `${reading}: ${steps} in one turn`);
});
