/** `deploy poll`: what cron calls. Pulls, fast-forward only, and applies what came. */
import { statfs } from 'node:fs/promises';
import { expectCode, hasCode, ifCode } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { git, Repository } from './git/git.js';
import { FULL, isFull, messageOf, Unable } from './host/fault.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import { Lock } from './host/lock.js';
import { cloneRepository, POLLING, REMOTE } from './repository/clone.js';
import { removeLeftovers } from './repository/leftovers.js';

/** Bytes that must be free before anything is fetched. */
const LEAST_FREE = 16 * 2 ** 20;

export type Pulled = 'pulled' | 'busy' | { readonly failed: string };

/**
 * Brings the clone to the branch's tip. What goes wrong is in the journal, once; what was pulled before can still be
 * applied.
 */
export async function pull(host: Host, journal: Journal): Promise<Pulled> {
  const lock = await Lock.take(host.pollLock);
  if (lock === undefined) return 'busy';
  try {
    const removed = await removeLeftovers(host.work);
    if (removed.length > 0)
      await journal.add({ step: 'recovered', reason: `a git that was killed left ${removed.join(', ')}: removed` });
    await checkSpace(host);
    await update(host, journal);
    return 'pulled';
  } catch (error) {
    return { failed: await failed(journal, host, error) };
  } finally {
    await lock.release();
  }
}

async function update(host: Host, journal: Journal): Promise<void> {
  try {
    await fastForward(host);
  } catch (error) {
    expectCode(error, 'damaged-repository');
    await journal.add({ step: 'recovered', reason: `the clone is damaged (${errorText(error)}): it is cloned again` });
    await cloneRepository(host);
  }
}

/**
 * Brings the followed branch to its tip, even when another commit is checked out: an operator may have inspected one
 * and not gone back.
 */
async function fastForward(host: Host): Promise<void> {
  const { branch } = host.config;
  const repository = new Repository(host.gitDir);
  const checkedOut = await repository.text(['symbolic-ref', '--quiet', 'HEAD']).catch(ifCode('', 'git'));
  if (checkedOut !== host.tip) {
    await repository.run(['fetch', '--quiet', '--no-tags', REMOTE, `${host.tip}:${host.tip}`]);
    return;
  }
  const words = ['pull', '--quiet', '--ff-only', '--no-rebase', REMOTE, branch];
  const there = ['--git-dir', host.gitDir, '--work-tree', host.work];
  await git([...there, ...words], { folder: host.work, env: { [POLLING]: '1' } });
}

async function checkSpace(host: Host): Promise<void> {
  const { bavail, bsize } = await statfs(host.folder);
  if (bavail * bsize >= LEAST_FREE) return;
  const free = Math.floor((bavail * bsize) / 1e6);
  throw new Unable(`${FULL}: ${free} MB are free, nothing is fetched`, 'no-space');
}

async function failed(journal: Journal, host: Host, error: unknown): Promise<string> {
  // Packs that a full disk cut short.
  if (isFull(error)) await removeLeftovers(host.work);
  const diverged = hasCode(error, 'rewritten-branch');
  const { branch } = host.config;
  const reason = diverged
    ? `the branch ${branch} was rewritten: it does not follow from what this host has. When that is meant: git -C ${host.work} checkout -B ${branch} ${REMOTE}/${branch}`
    : messageOf(error);
  const entries = await journal.read();
  const last = entries.findLast(({ step }) => step !== 'served');
  if (last?.step !== 'failed' || last.reason !== reason) await journal.add({ step: 'failed', reason });
  return reason;
}
