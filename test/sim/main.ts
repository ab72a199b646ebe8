/**
 * `npm run sim -- [--seed N] [--seeds N] [--from N] [--pcap FILE] [--adversary] [--dual-stack]`: runs one seed and
 * tells about it, or many and stops at the first that fails. With `--adversary` each network has a client that lies
 * about what it gets. A failing seed is cut down to the fewest faults that still make it fail, and written as a
 * capture. With `--dual-stack` networks have IPv4 and IPv6, several routers, renumbering and made-up routers; all seeds
 * run, and with `--pcap` the last one is written as a capture.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runDualStack } from './dual-stack.js';
import { pcapng } from './pcapng.js';
import { explain, runSeed } from './seeds.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    pcap: { type: 'string' },
    plan: { type: 'boolean', default: false },
    adversary: { type: 'boolean', default: false },
    'dual-stack': { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed !== undefined ? 1 : Number(values.seeds ?? 1000);
const began = process.hrtime.bigint();
let frames = 0;
let virtual = 0;
/** Connections over both families, with `--dual-stack`. */
let flows = 0;
let failures = 0;
/** Of every run's trace: equal when each frame of each seed was. */
let trace = 0x811c9dc5 | 0;
for (let seed = first; seed < first + count; seed++) {
  if (values['dual-stack']) {
    const { list, flows: more, world } = runDualStack(seed, values.pcap !== undefined);
    flows += more;
    frames += world.frames;
    if (list.length > 0) {
      failures += 1;
      console.log(`dual-stack seed ${seed}: ${list.join('; ')}`);
    }
    if (values.pcap !== undefined) writeFileSync(values.pcap, pcapng(world));
    if ((seed - first + 1) % 1000 === 0)
      console.log(`${seed - first + 1} seeds, ${flows} connections, ${failures} failed`);
    continue;
  }
  const result = runSeed(seed, values.adversary);
  if (values.plan) console.log(JSON.stringify(result.plan, null, 1));
  frames += result.outcome.world.frames;
  virtual += result.outcome.world.time.now();
  trace = Math.imul(trace ^ result.outcome.world.trace, 0x01000193);
  if (result.outcome.problems.length > 0) {
    failures += 1;
    const file = values.pcap ?? join('build', `sim-${seed}.pcapng`);
    const { text, capture } = explain(result);
    console.log(text);
    writeFileSync(file, capture);
    console.log(`capture: ${file}`);
    break;
  }
  if (count > 1 && (seed - first + 1) % 1000 === 0) console.log(`${seed - first + 1} seeds, ${frames} frames`);
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
if (values['dual-stack'] && failures === 0) {
  console.log(`${count} dual-stack networks held: ${flows} connections, ${frames} frames in ${seconds.toFixed(1)} s`);
} else if (failures === 0) {
  console.log(
    `${count} ${count === 1 ? 'seed' : 'seeds'} held: ${frames} frames, ${(virtual / 3_600_000).toFixed(1)} virtual hours in ${seconds.toFixed(1)} s, trace ${(trace >>> 0).toString(16)}`,
  );
}
process.exitCode = failures > 0 ? 1 : 0;
