import fc from 'fast-check';
import t from 'tap';
import { blocks, checkBlocks, checkJunk, conversation, Fuzz, junk } from './fuzz.js';

/** FUZZ_RUNS: how many; a seed that failed is printed, and given again as FUZZ_SEED. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 3000);
const seed = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) };
t.setTimeout(0);

t.test(
  `${runs} conversations of frames that are nearly right: no throw, no hang, nothing left, however they are cut`,
  async (t) => {
    const fuzz = new Fuzz();
    let checked = 0;
    fc.assert(
      fc.property(conversation, (one) => {
        fuzz.check(one);
        checked++;
      }),
      { numRuns: runs, ...seed, endOnFailure: runs > 100_000 },
    );
    t.equal(checked, runs, `${fuzz.frames} frames`);
  },
);

t.test(`${runs} runs of field blocks are decoded to what they were made of`, async (t) => {
  let decoded = 0;
  fc.assert(
    fc.property(blocks, (run) => {
      checkBlocks(run);
      decoded += run.length;
    }),
    { numRuns: runs, ...seed },
  );
  t.ok(decoded > runs, `${decoded} field blocks`);
});

t.test(`${runs} runs of octets that are no field blocks are borne`, async (t) => {
  let borne = 0;
  fc.assert(
    fc.property(junk, (run) => {
      checkJunk(run);
      borne += run.length;
    }),
    { numRuns: runs, ...seed },
  );
  t.ok(borne > runs, `${borne} strings of octets`);
});
