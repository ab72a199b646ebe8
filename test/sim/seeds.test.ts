import t from 'tap';
import { runPlan } from './scenario.js';
import { explain, runSeed, shrink } from './seeds.js';

/** More with `npm run sim -- --seeds 1000000`. */
const SEEDS = Number(process.env['SITEKERNEL_SIM_SEEDS'] ?? (process.env['CI'] === 'true' ? 4000 : 600));

t.test(`in ${SEEDS} simulated networks every byte arrives, nothing sticks and nothing is left`, async (t) => {
  let virtual = 0;
  let bytes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = runSeed(seed);
    virtual += result.outcome.world.time.now();
    bytes += result.outcome.bytes;
    if (result.outcome.problems.length === 0) continue;
    t.fail(explain(result).text);
    return;
  }
  t.pass(`${(virtual / 3_600_000).toFixed(1)} virtual hours, ${bytes} bytes`);
});

t.test('seeds that once failed hold', async (t) => {
  // Two TIME-WAITs that answered each other; data that a paused reader lost; FIN-WAIT-2; a timer that RACK took away.
  for (const seed of [9, 29, 878, 1349, 3081, 23_348]) t.same(runSeed(seed).outcome.problems, [], `seed ${seed}`);
});

t.test('a seed replays frame by frame', async (t) => {
  for (const seed of [3, 5, 9, 29, 878]) {
    const [first, second] = [runSeed(seed), runSeed(seed)];
    t.equal(first.outcome.world.trace, second.outcome.world.trace);
    t.equal(first.outcome.world.frames, second.outcome.world.frames);
    t.ok(first.outcome.world.frames > 10);
  }
  t.not(runSeed(3).outcome.world.trace, runSeed(4).outcome.world.trace);
});

t.test('a run that fails is cut down to what makes it fail, with a capture and one command to replay it', async (t) => {
  // Nobody listens: the plan's server is told to be late, which every run of it must report.
  const { plan } = runSeed(9);
  const broken = { ...plan, flows: plan.flows.map((flow, i) => (i === 2 ? { ...flow, up: -1 } : flow)) };
  const outcome = runPlan(broken);
  t.ok(outcome.problems.length > 0);
  const small = shrink(broken, outcome);
  t.equal(small.plan.flows.length, 1);
  t.ok(small.faults.length < outcome.world.faults.length);
  t.ok(small.outcome.world.frames < outcome.world.frames);
  const { text, capture } = explain({ seed: 9, plan: broken, outcome });
  t.match(text, /replay: npm run sim -- --seed 9\n/);
  t.equal(new DataView(capture.buffer).getUint32(0), 0x0a0d0d0a, 'pcapng');
});
