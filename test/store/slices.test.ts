/** A site is walked, read, routed and laid out in slices: the same process answers in between. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { watchStore } from '../../src/store/open/watch.js';
import { parseRedirectRules } from '../../src/store/rules/redirect-rules.js';
import { walkStepwise } from '../../src/store/site/walk.js';
import { atOnce, Slices } from '../../src/store/slices.js';
import { tree } from './tree.js';

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

t.test('no step of the work is over more than some hundred files or rules', (t) => {
  const count = (steps: Generator<void, unknown>): number => {
    let n = 0;
    while (steps.next().done !== true) n++;
    return n;
  };
  t.ok(count(walkStepwise(tree(t, site()))) >= FILES / 64);
  const rules = site()['_redirects']!;
  t.ok(count(parseRedirectRules(rules, '_redirects', t.fail)) >= RULES / 64);
  t.equal(atOnce(parseRedirectRules(rules, '_redirects', t.fail)).length, RULES);
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
