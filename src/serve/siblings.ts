/**
 * The numbers of the other processes of `--workers`: each sends its own to the first process once a second, which sends
 * them to the others.
 */
import { type HttpStats, sumOfStats } from '../http/index.js';

export type Counters = Readonly<Record<string, number>>;

/** One process's numbers, as they travel between processes. */
export interface Report {
  readonly answers: readonly (readonly [number, number])[];
  readonly contentBytes: number;
  readonly accepted: number;
  readonly refused: number;
  readonly faults: number;
  readonly budgets: Counters;
  readonly connections: HttpStats['connections'];
  readonly network: Counters;
  /** Of the name server; none: there is none. */
  readonly names: Counters | undefined;
}

export const INTERVAL = 1000;

export function reportOf(stats: HttpStats, network: Counters, names?: Counters): Report {
  const { contentBytes, accepted, refused, faults, budgets, connections } = stats;
  const answers = [...stats.answers];
  return { answers, contentBytes, accepted, refused, faults, budgets, connections, network, names };
}

/** The counters of an ended process stay, but its gauges are zero. */
export function retired(report: Report): Report {
  const none = Object.fromEntries(Object.keys(report.connections).map((state) => [state, 0]));
  const connections = none as Report['connections'];
  const names = report.names && { ...report.names, tcpOpen: 0 };
  return { ...report, connections, names, network: { ...report.network, 'connections-open': 0 } };
}

export class Siblings {
  reports: readonly Report[] = [];

  /** `own` and the last numbers of the others, at most two seconds old. */
  stats(own: HttpStats): HttpStats {
    return sumOfStats([own, ...this.reports.map((report) => ({ ...report, answers: new Map(report.answers) }))]);
  }

  counters(own: Counters): Counters {
    const sum = { ...own };
    for (const report of this.reports) add(sum, report.network);
    return sum;
  }

  /** Undefined: there is no name server. All of them have the same zones. */
  names(own: Counters | undefined): Counters | undefined {
    if (own === undefined) return undefined;
    const sum = { ...own };
    for (const { names = {} } of this.reports) add(sum, { ...names, zones: 0 });
    return sum;
  }
}

function add(sum: Record<string, number>, more: Counters): void {
  for (const [name, value] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + value;
}
