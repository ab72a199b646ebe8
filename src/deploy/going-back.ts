/**
 * Which images a host goes back to: where signers are asked for, what one of them signed, now or when the host took it.
 */

import { expectCode, ifCode } from '../errors/codes.js';
import type { Repository } from './git/git.js';
import { isRefusal, Refusal } from './host/fault.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import { type Candidate, candidateAt, commitOf, runsHere, signerOf } from './repository/candidate.js';

export interface Earlier {
  readonly candidate: Candidate;
  /** Undefined: no signature is asked for. */
  readonly signer: string | undefined;
}

/** The image `id`, as the newest commit that has it says. Throws a Refusal. */
export async function earlierImage(host: Host, repository: Repository, journal: Journal, id: string): Promise<Earlier> {
  const short = id.slice(0, 12);
  const commit = await commitOf(repository, host.tip, id);
  if (commit === undefined) throw new Refusal(`the image ${short} is not in the repository's history`);
  try {
    const earlier = await believed(host, repository, journal, await candidateAt(repository, commit));
    runsHere(earlier.candidate);
    return earlier;
  } catch (error) {
    if (isRefusal(error)) throw new Refusal(`the image ${short}: ${error.message}`);
    throw error;
  }
}

async function believed(host: Host, repository: Repository, journal: Journal, candidate: Candidate): Promise<Earlier> {
  try {
    return { candidate, signer: await signerOf(candidate, repository, host) };
  } catch (error) {
    expectCode(error, 'refused');
    const taken = await takenBefore(journal, candidate.id);
    // As it was then: another commit may say other things of the same image.
    const then = taken && (await candidateAt(repository, taken.commit).catch(ifCode(undefined, 'refused', 'git')));
    if (taken === undefined || then?.id !== candidate.id) throw error;
    return { candidate: then, signer: taken.signer };
  }
}

/** The commit of the image that this host verified at the time with a signer of that time, and that signer. */
async function takenBefore(journal: Journal, id: string): Promise<{ commit: string; signer: string } | undefined> {
  const entries = await journal.read();
  for (let i = entries.length - 1; i > 0; i--) {
    const { step, image, signer } = entries[i]!;
    const fetched = entries[i - 1]!;
    if (step !== 'verified' || image !== id || signer === undefined) continue;
    if (fetched.step === 'fetched' && fetched.image === id && fetched.commit !== undefined)
      return { commit: fetched.commit, signer };
  }
  return undefined;
}
