import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Reassembly } from '../../src/net/tcp/state/reassembly.js';
import type { Plan } from './plan.js';
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
  // A cookie before a place in the queue; a client that waits; a time that an ACK of a duplicate echoed; two TIME-WAITs
  // that answered each other; data that a paused reader lost; FIN-WAIT-2; a timer that RACK took away.
  for (const seed of [8, 185, 13_786, 9, 29, 878, 1349, 3081, 23_348])
    t.same(runSeed(seed).outcome.problems, [], `seed ${seed}`);
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

t.test(
  'a mistake that is planted in the stack is found, cut down to a few faults, and written as a capture',
  async (t) => {
    const { drain } = Reassembly.prototype;
    // What waited behind a gap loses a byte: only loss or reordering shows it.
    Reassembly.prototype.drain = function (this: Reassembly, next, give) {
      return drain.call(this, next, (bytes, start, end) => give(bytes, start + 1, end));
    };
    t.teardown(() => {
      Reassembly.prototype.drain = drain;
    });
    let found: ReturnType<typeof runSeed> | undefined;
    for (let seed = 1; seed <= 100 && found === undefined; seed++) {
      const result = runSeed(seed);
      if (result.outcome.problems.length > 0) found = result;
    }
    t.ok(found !== undefined, 'it is found');
    if (found === undefined) return;
    const small = shrink(found.plan, found.outcome);
    t.equal(small.plan.flows.length, 1, 'one connection');
    t.ok(small.faults.length <= 3, `${small.faults.length} of ${found.outcome.world.faults.length} faults`);
    t.ok(small.outcome.world.frames < 400, `${small.outcome.world.frames} frames`);
    const { text, capture } = explain(found);
    t.match(text, new RegExp(`replay: npm run sim -- --seed ${found.seed}\\n`));
    const file = join(t.testdir({}), 'small.pcapng');
    writeFileSync(file, capture);
    const { status, stdout } = spawnSync('tshark', ['-r', file, '-T', 'fields', '-e', 'frame.comment'], {
      encoding: 'utf8',
    });
    if (status === 0) t.match(stdout, /lost|held back|duplicated/, 'Wireshark reads what became of each frame');
  },
);

t.test('a run that fails is cut down to what makes it fail, with a capture and one command to replay it', async (t) => {
  // The plan's server is told to wait for less than nothing, which every run of it must report.
  const calm = (plan: Plan): boolean => plan.flows.length > 2 && plan.incidents.length === 0;
  let seed = 1;
  while (!calm(runSeed(seed).plan)) seed++;
  const { plan } = runSeed(seed);
  const broken = { ...plan, flows: plan.flows.map((flow, i) => (i === 2 ? { ...flow, up: -1, resetAt: -1 } : flow)) };
  const outcome = runPlan(broken);
  t.ok(outcome.problems.length > 0);
  const small = shrink(broken, outcome);
  t.equal(small.plan.flows.length, 1);
  t.ok(small.faults.length < outcome.world.faults.length);
  t.ok(small.outcome.world.frames < outcome.world.frames);
  const { text, capture } = explain({ seed, plan: broken, outcome });
  t.match(text, new RegExp(`replay: npm run sim -- --seed ${seed}\\n`));
  t.equal(new DataView(capture.buffer).getUint32(0), 0x0a0d0d0a, 'pcapng');
});
