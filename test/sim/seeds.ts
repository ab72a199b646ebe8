/** One seed: its plan, its run, and where it fails the smallest run that still does. */
import { minimise } from './minimise.js';
import { pcapng } from './pcapng.js';
import { drawPlan, type Plan } from './plan.js';
import { type Outcome, runPlan } from './scenario.js';
import { type FaultKey, fateText } from './world.js';

export interface SeedResult {
  readonly seed: number;
  /** It was asked for (`--adversary`). */
  readonly adversary?: boolean;
  readonly plan: Plan;
  readonly outcome: Outcome;
}

/** `adversary`: see `drawPlan`. */
export function runSeed(seed: number, adversary = false): SeedResult {
  const plan = drawPlan(seed, adversary);
  return { seed, adversary, plan, outcome: runPlan(plan) };
}

/** Runs that cutting down may cost. */
const TRIALS = 200;

/** Less to carry, as long as it still fails: bytes, rounds, and the time before it begins. */
function smaller(plan: Plan): Plan {
  let best = plan;
  let trials = 80;
  for (let i = 0; i < best.flows.length; i++) {
    for (const field of ['again', 'down', 'up', 'start'] as const) {
      for (let divide = 8; divide >= 2; ) {
        const flow = best.flows[i]!;
        const value = Math.floor(flow[field] / divide);
        if (flow[field] <= 0 || trials-- <= 0) break;
        const next = { ...best, flows: best.flows.map((one, at) => (at === i ? { ...one, [field]: value } : one)) };
        if (runPlan(next).problems.length > 0) best = next;
        else divide /= 2;
      }
    }
  }
  return best;
}

/** Takes connections out of the plan, then faults out of the run, as long as it still fails. */
export function shrink(plan: Plan, outcome: Outcome): { plan: Plan; faults: FaultKey[]; outcome: Outcome } {
  const flows = minimise(
    plan.flows,
    (part) => part.length > 0 && runPlan({ ...plan, flows: part }).problems.length > 0,
    40,
  );
  let small: Plan = { ...plan, flows };
  for (const name of ['attack', 'adversary'] as const) {
    const calm = { ...small, [name]: 0 };
    if (small[name] > 0 && runPlan(calm).problems.length > 0) small = calm;
  }
  const incidents = minimise(small.incidents, (part) => runPlan({ ...small, incidents: part }).problems.length > 0, 20);
  small = { ...small, incidents };
  small = smaller(small);
  const whole = runPlan(small);
  const start = whole.problems.length > 0 ? { plan: small, outcome: whole } : { plan, outcome };
  const only = (keep: readonly FaultKey[]): ((key: FaultKey) => boolean) => {
    const kept = new Set(keep);
    return (key) => !kept.has(key);
  };
  const faults = minimise(
    [...new Set(start.outcome.world.faults)],
    (part) => runPlan(start.plan, { forgiven: only(part) }).problems.length > 0,
    TRIALS,
  );
  return { plan: start.plan, faults, outcome: runPlan(start.plan, { forgiven: only(faults), remember: true }) };
}

/** What people need who look for the cause: what was wrong, the smallest case, how to see it again, and its capture. */
export function explain({ seed, adversary, plan, outcome }: SeedResult): { text: string; capture: Uint8Array } {
  const small = shrink(plan, outcome);
  const { world } = small.outcome;
  const lines = [`seed ${seed} fails:`, ...outcome.problems.map((problem) => `  ${problem}`)];
  lines.push(
    `replay: npm run sim -- --seed ${seed}${adversary === true ? ' --adversary' : ''}`,
    `smallest: ${small.plan.flows.length} of ${plan.flows.length} connections,`,
  );
  lines.push(`  ${small.faults.length} faults, ${world.frames} frames, ${world.time.now().toFixed(0)} ms:`);
  lines.push(...small.outcome.problems.map((problem) => `  ${problem}`));
  for (const one of small.plan.incidents) lines.push(`  ${JSON.stringify(one)}`);
  for (const flow of small.plan.flows) lines.push(`  ${JSON.stringify(flow)}`);
  for (const key of small.faults.slice(0, 20)) {
    const wire = Math.floor(key / 0x1_0000_0000);
    const number = key % 0x1_0000_0000;
    const seen = world.sightings.find((one) => one.wire === wire && one.number === number);
    const what = seen === undefined ? '' : `${fateText(seen.fate)} at ${seen.time.toFixed(3)} ms`;
    lines.push(`  frame ${number} on ${world.wires[wire]}: ${what}`);
  }
  return { text: lines.join('\n'), capture: pcapng(world) };
}
