/** From runs to medians, ratios, a table for people and a file for the site. */
import type { Run } from './measure.js';
import type { Contender } from './servers.js';
import type { Workload } from './workloads.js';

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
}

export interface Row {
  readonly key: string;
  readonly title: string;
  readonly servers: Readonly<Record<string, Cell>>;
}

function summary(runs: readonly Run[], against: readonly Run[] | undefined): Cell {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  const ratio = (pick: (run: Run) => number): number | undefined =>
    against === undefined || against.length === 0
      ? undefined
      : median(runs.map((run, i) => pick(run) / pick(against[i] as Run)));
  return {
    rate: of((run) => run.rate),
    megabytes: of((run) => run.megabytes),
    cpu: of((run) => run.cpu),
    p50: of((run) => run.p50),
    p99: of((run) => run.p99),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
    runs,
    ratio: ratio((run) => run.rate),
    cpuRatio: ratio((run) => run.cpu),
  };
}

export function rowOf(workload: Workload, servers: readonly Contender[], runs: ReadonlyMap<string, Run[]>): Row {
  const cells: Record<string, Cell> = {};
  for (const server of servers) {
    const own = runs.get(server.key) as Run[];
    cells[server.key] = summary(own, server.against === undefined ? undefined : runs.get(server.against));
  }
  return { key: workload.key, title: workload.title, servers: cells };
}

const rate = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value.toFixed(0));
const factor = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(2));

/** Markdown: a line for each workload and server. */
export function table(rows: readonly Row[], servers: readonly Contender[]): string {
  const lines = [
    '| workload | server | requests/s | ratio | MB/s | CPU µs/request | ratio | p50 ms | p99 ms | errors |',
    '|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    for (const server of servers) {
      const cell = row.servers[server.key];
      if (cell === undefined) continue;
      const numbers = [rate(cell.rate), factor(cell.ratio), cell.megabytes.toFixed(0), cell.cpu.toFixed(1)];
      numbers.push(factor(cell.cpuRatio), cell.p50.toFixed(3), cell.p99.toFixed(3), String(cell.errors));
      lines.push(`| ${row.title} | ${server.title} | ${numbers.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}
