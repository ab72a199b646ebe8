/** `deploy status`: what the repository has, what is staged, what runs, and whether they agree. */

import type { Running } from '../control/protocol.js';
import { ifNoBug } from '../errors/codes.js';
import type { Manifest } from '../image/manifest.js';
import type { Runner } from '../image/runner.js';
import { Repository } from './git/git.js';
import { messageOf } from './host/fault.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import type { State } from './host/state.js';
import { recoverState } from './recover-state.js';
import { candidateAt } from './repository/candidate.js';
import { stagedIds } from './stage.js';

export interface Status {
  /** The repository's tip, as the clone has it. */
  readonly tip: { readonly id: string; readonly serial: number; readonly commit: string } | undefined;
  readonly staged: readonly string[];
  readonly running: Running | undefined;
  readonly good: string | undefined;
  readonly before: string | undefined;
  readonly trying: State['trying'];
  readonly held: State['held'];
  /** Why the tip does not run; undefined: it does, or it was not tried yet. */
  readonly problem: string | undefined;
  /** The tip runs, was found good, and nothing holds the host back. */
  readonly agree: boolean;
}

export async function statusOf(host: Host, runner: Runner, journal: Journal): Promise<Status> {
  const repository = new Repository(host.gitDir);
  const state = await recoverState(host.stateFile, journal);
  const commit = await repository.resolve(host.tip);
  let tip: Status['tip'];
  let problem: string | undefined;
  try {
    if (commit === undefined) problem = 'the clone has no commit';
    else {
      const { id, labels } = await candidateAt(repository, commit);
      tip = { id, serial: labels.serial, commit };
      problem = state.bad[id]?.reason;
    }
  } catch (error) {
    problem = messageOf(error);
  }
  if (state.refused !== undefined && state.refused.commit === commit) problem = state.refused.reason;
  const running = await runner.status().catch(ifNoBug(undefined));
  const { good, before, trying, held } = state;
  const runs = tip !== undefined && running?.image === tip.id && good === tip.id;
  const agree = runs && held === undefined && trying === undefined;
  return { tip, staged: await stagedIds(host), running, good, before, trying, held, problem, agree };
}

/** For people; ends with a line break. */
export function renderStatus(status: Status, target: Manifest['target']): string {
  const { tip, running, good, before, held, trying, problem } = status;
  const short = (id: string | undefined): string => (id === undefined || id === '' ? 'none' : id.slice(0, 12));
  const rows: [string, string][] = [
    ['repository', tip ? `${short(tip.id)}, serial ${tip.serial}, commit ${tip.commit.slice(0, 12)}` : 'nothing'],
    ['staged', status.staged.map(short).join(', ') || 'nothing'],
    [
      'running',
      running
        ? `${short(running.image)} at ${running.url} since ${new Date(running.since).toISOString()} (process ${running.pid})`
        : 'nothing',
    ],
    ['last good', before === undefined ? short(good) : `${short(good)}, before it ${short(before)}`],
    ['held', held ? `${short(held.id)}, until there is a serial above ${held.serial} or "deploy release"` : 'no'],
  ];
  if (trying !== undefined) rows.push(['trying', `${short(trying.id)}, start ${trying.attempts}`]);
  if (problem !== undefined) rows.push(['problem', problem]);
  rows.push(['target', target]);
  const lines = rows.map(([name, text]) => `${`${name}:`.padEnd(12)} ${text}`);
  lines.push(status.agree ? 'all agree' : 'they do not agree');
  return `${lines.join('\n')}\n`;
}
