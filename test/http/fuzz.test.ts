import fc from 'fast-check';
import t from 'tap';
import { conversation, Fuzz } from './fuzz.js';

/** `npm run fuzz:http` sets it to 1,000,000. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 3000);

t.test(
  `${runs} mutated conversations, cut at random: no throw, no hang, nothing left, answers that parse`,
  async (t) => {
    const fuzz = new Fuzz();
    fc.assert(
      fc.property(conversation, (input) => fuzz.check(input)),
      { numRuns: runs },
    );
    t.pass();
  },
);
