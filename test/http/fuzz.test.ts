import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { openStore } from '../../src/store/index.js';
import { conversation, Fuzz } from './fuzz.js';
import { writeSite } from './lines/site.js';

/** `npm run fuzz:http` sets it to 1,000,000. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 4000);
const ROUNDS = 20;
/**
 * Bytes that the heap may be larger after all rounds than after the first: what is remembered of each run would be far
 * more.
 */
const GROWTH = 4 * 1024 * 1024;

if (runs > 10_000) t.setTimeout(24 * 3600 * 1000);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

t.test(
  `${runs} mutated conversations, cut at random: no throw, no hang, no growth, nothing left, answers that parse`,
  async (t) => {
    const dir = t.testdir({});
    writeSite(dir);
    const store = await openStore(dir, {
      cache: false,
      languages: ['en', 'de'],
      preload: 'early-hints',
      metaRefresh: true,
    });
    const fuzz = new Fuzz(store);
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() & 0x7fffffff);
    let first = 0;
    let checked = 0;
    for (let round = 0; round < ROUNDS; round++) {
      fc.assert(
        fc.property(conversation, (input) => {
          fuzz.check(input);
          checked++;
        }),
        { numRuns: Math.ceil(runs / ROUNDS), seed: seed + round },
      );
      if (round === 0) first = heap();
    }
    const grown = heap() - first;
    t.ok(checked >= runs, `${checked} conversations, FUZZ_SEED=${seed}`);
    t.ok(grown < GROWTH, `the heap grew by ${(grown / 1024).toFixed(0)} KiB`);
  },
);
