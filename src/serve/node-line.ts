/** The date until which each line of Node gets security fixes, and a warning for a line without them. */
import type { Log } from './log.js';

interface Line {
  /** The day from which it is a line for servers (LTS); undefined: it never is. */
  readonly lts?: string;
  /** The last day of its support. */
  readonly end: string;
}

/** By major version. Source: schedule.json of github.com/nodejs/Release, as of November 2026. */
const LINES: Readonly<Record<number, Line>> = {
  18: { lts: '2022-10-25', end: '2025-04-30' },
  19: { end: '2023-06-01' },
  20: { lts: '2023-10-24', end: '2026-04-30' },
  21: { end: '2024-06-01' },
  22: { lts: '2024-10-29', end: '2027-04-30' },
  23: { end: '2025-06-01' },
  24: { lts: '2025-10-28', end: '2028-04-30' },
  25: { end: '2026-06-01' },
  26: { lts: '2026-10-28', end: '2029-04-30' },
  27: { end: '2030-04-30' },
};

/**
 * A message if the fixes for `version` (`20.20.2`) ended before `now`; undefined: it gets fixes, or is newer than the
 * table. The message names the newest lines for servers that get fixes at that time.
 */
export function nodeNotice(version: string, now: Date): string | undefined {
  const today = now.toISOString().slice(0, 10);
  const line = Number.parseInt(version, 10);
  const end = LINES[line]?.end ?? (line < 18 ? '2023-09-11' : undefined);
  if (end === undefined || today <= end) return undefined;
  const alive = Object.entries(LINES)
    .filter(([, one]) => one.lts !== undefined && one.lts <= today && today <= one.end)
    .map(([name]) => name)
    .slice(-2);
  const better = alive.length === 0 ? 'a newer one' : `Node ${alive.join(' or ')}`;
  return `Node ${version} has had no security fixes since ${end}; install ${better}`;
}

/** Warns the operator once, at the start, about a Node that gets no fixes any more. */
export function tellNode(log: Pick<Log, 'warn'>): void {
  const notice = nodeNotice(process.versions.node, new Date());
  if (notice !== undefined) log.warn(notice);
}
