/** From runs to medians, ratios, a table for people and a file for the site. */

import type { Contender } from './contender.js';
import type { Run } from './measure.js';
import type { Goal, Workload } from './workloads.js';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export interface Cell extends Run {
  readonly runs: readonly Run[];
  /** Rate over the other's, and CPU a request over the other's: medians of the rounds' ratios. */
  readonly ratio: number | undefined;
  readonly cpuRatio: number | undefined;
  readonly p99Ratio: number | undefined;
  /** Over IPv6: rate over that of the same server over IPv4, as `ratio`. */
  readonly twinRatio: number | undefined;
  /** What was meant to be reached. */
  readonly goal: Goal | undefined;
}

export interface Row {
  readonly key: string;
  readonly title: string;
  readonly servers: Readonly<Record<string, Cell>>;
}

/** A file of bench/results. */
export interface Results {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

function summary(
  runs: readonly Run[],
  against: readonly Run[] | undefined,
  twin: readonly Run[] | undefined,
  goal: Goal | undefined,
): Cell {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  const over = (others: readonly Run[] | undefined, pick: (run: Run) => number): number | undefined =>
    others === undefined || others.length === 0
      ? undefined
      : median(runs.map((run, i) => pick(run) / pick(others[i] as Run)));
  const ratio = (pick: (run: Run) => number): number | undefined => over(against, pick);
  const longest = runs.map((run) => run.longestPause).filter((pause) => pause !== undefined);
  return {
    rate: of((run) => run.rate),
    megabytes: of((run) => run.megabytes),
    cpu: of((run) => run.cpu),
    p50: of((run) => run.p50),
    p99: of((run) => run.p99),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
    pauses: runs.reduce((sum, run) => sum + run.pauses, 0),
    longestPause: longest.length > 0 ? Math.max(...longest) : undefined,
    runs,
    ratio: ratio((run) => run.rate),
    cpuRatio: ratio((run) => run.cpu),
    p99Ratio: ratio((run) => run.p99),
    twinRatio: over(twin, (run) => run.rate),
    goal,
  };
}

export function rowOf(workload: Workload, servers: readonly Contender[], runs: ReadonlyMap<string, Run[]>): Row {
  const cells: Record<string, Cell> = {};
  for (const server of servers) {
    const own = runs.get(server.key) as Run[];
    const { direct, socket } = workload;
    const goals: Readonly<Record<string, Goal>> = workload.ipv6
      ? { 'direct-v6': direct, 'socket-v6': socket }
      : { direct, socket };
    const goal = goals[server.key.replace('-tls', '')];
    const of = (key: string | undefined): Run[] | undefined => (key === undefined ? undefined : runs.get(key));
    cells[server.key] = summary(own, of(server.against), of(server.twin), goal);
  }
  return { key: workload.key, title: workload.title, servers: cells };
}

/** What our rates over IPv6 are to be of those over IPv4. */
const SAME = 0.97;

const rate = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value.toFixed(0));
const factor = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(2);

/** A ratio with its goal: `1.72 (1.7)`, with `!` when it was missed. */
function against(value: number | undefined, goal: number | undefined, missed: boolean): string {
  if (goal === undefined || value === undefined) return factor(value);
  return `${factor(value)}${missed ? '!' : ''} (${goal})`;
}

/** Markdown: a line for each workload and server. */
export function table(rows: readonly Row[], titles: ReadonlyMap<string, string>): string {
  const lines = [
    '| workload | server | requests/s | ratio (goal) | of IPv4 | MB/s | CPU µs/request | ratio (goal) | p50 ms | p99 ms | ratio | GC pauses, longest ms | errors |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    for (const [key, cell] of Object.entries(row.servers)) {
      const { goal, ratio, cpuRatio } = cell;
      const slow = goal?.rate !== undefined && (ratio ?? 0) < goal.rate;
      const costly = goal?.cpu !== undefined && (cpuRatio ?? 0) > goal.cpu;
      const numbers = [rate(cell.rate), against(ratio, goal?.rate, slow)];
      numbers.push(against(cell.twinRatio, SAME, (cell.twinRatio ?? SAME) < SAME), cell.megabytes.toFixed(0));
      numbers.push(cell.cpu.toFixed(1), against(cpuRatio, goal?.cpu, costly), cell.p50.toFixed(3), cell.p99.toFixed(3));
      numbers.push(factor(cell.p99Ratio), cell.pauses > 0 ? `${cell.pauses}, ${factor(cell.longestPause)}` : '');
      lines.push(`| ${row.title} | ${titles.get(key) ?? key} | ${numbers.join(' | ')} | ${cell.errors} |`);
    }
  }
  return lines.join('\n');
}
