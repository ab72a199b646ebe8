/**
 * The state machine of a host: it brings the newest good image of the repository into service. The caller holds the
 * host's lock.
 *
 *   fetched -> verified -> staged -> self-test -> trying (written before the start) -> gate -> good | bad -> rolled
 *   back
 *
 * It may be killed at any point: what it wrote is whole, and the next call finds out from the state and from what runs
 * where it was.
 */

import { ifNoBug, isBug } from '../errors/codes.js';
import type { Runner } from '../image/runner.js';
import { withZonesOf } from '../image/zones.js';
import { makeFolder } from '../native/make-folder.js';
import { takeCertificates } from './certificates.js';
import { Repository } from './git/git.js';
import { earlierImage } from './going-back.js';
import { isRefusal, messageOf, Unable } from './host/fault.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import { Lock } from './host/lock.js';
import { HostRecord } from './host/record.js';
import type { State } from './host/state.js';
import { recoverState } from './recover-state.js';
import { admit, type Candidate, candidateAt, latestAt } from './repository/candidate.js';
import { Newer } from './repository/newer.js';
import { Service } from './service.js';
import { removeParts, stageImage } from './stage.js';
import { type Gates, REAL_GATES, verdict } from './verdict.js';

export type Outcome = 'unchanged' | 'good' | 'bad' | 'refused' | 'failed' | 'held';

/** Starts that an image gets when each was cut off: by a power cut, which may be its own doing. */
const ATTEMPTS = 2;
/** Images in a row that may give way to a newer one before the next is judged in any case. */
const ROUNDS = 8;

export class Deployer {
  readonly host: Host;
  readonly repository: Repository;
  private readonly runner: Runner;
  private readonly journal: Journal;
  private readonly gates: Gates;
  private record!: HostRecord;
  private service!: Service;
  /** Message about the last thing that went wrong. */
  reason: string | undefined;

  constructor(host: Host, runner: Runner, journal: Journal, gates: Gates = REAL_GATES) {
    this.host = host;
    this.repository = new Repository(host.gitDir);
    this.runner = runner;
    this.journal = journal;
    this.gates = gates;
  }

  /** Follows the repository. A commit that comes meanwhile is taken up as well. */
  async apply(): Promise<Outcome> {
    await this.begin();
    await this.service.serveSomething();
    const outcome = await this.follow();
    await this.takeCertificates();
    return outcome;
  }

  /** Beside the images: what goes wrong here is in the journal, and keeps no image from its way. */
  private async takeCertificates(): Promise<void> {
    const { host, repository, journal, runner } = this;
    try {
      const reload = async (): Promise<void> => runner.reload?.();
      const { certificates: seen } = this.state;
      const certificates = await takeCertificates(host, repository, journal, seen, reload);
      if (JSON.stringify(certificates) !== JSON.stringify(seen)) await this.save({ certificates });
    } catch (error) {
      if (isBug(error)) throw error;
      await this.failed(`certificates: ${messageOf(error)}`);
    }
  }

  private async follow(): Promise<Outcome> {
    let outcome: Outcome | 'cancelled' = 'cancelled';
    // Each round is cut off by a commit that came meanwhile. The last one is not: commits in a row must not keep every
    // image from its verdict.
    for (let round = 1; outcome === 'cancelled'; round++) {
      outcome = await this.step(round < ROUNDS);
      // Nothing else is begun that would have to be stopped as well.
      if (outcome === 'cancelled' && (await Lock.isHeld(this.host.stopLock))) return 'unchanged';
    }
    await this.service.endUnjudged();
    return outcome;
  }

  /**
   * Starts the last good image when nothing runs: what a boot of the host calls. Where there is none yet: what was
   * pulled.
   */
  async start(): Promise<Outcome> {
    await this.begin();
    if ((await this.service.serveSomething()) !== undefined) return 'unchanged';
    const outcome = await this.follow();
    if (outcome !== 'unchanged' && outcome !== 'held') return outcome;
    this.reason ??= 'nothing runs, and the repository has nothing that this host may start; "deploy status" says why';
    return 'failed';
  }

  /** Goes to the image `id` and stays there, through the same gates. */
  async hold(id: string): Promise<Outcome> {
    await this.begin();
    const { candidate, signer } = await earlierImage(this.host, this.repository, this.journal, id);
    const tip = await this.tip().catch(ifNoBug(undefined));
    const serial = Math.max(this.state.serial, tip?.labels.serial ?? 0);
    await this.save({ held: { id, serial }, trying: undefined });
    await this.journal.add({ step: 'held', image: id, serial });
    const running = await this.runner.status();
    if (running?.image === id && this.state.good === id) return 'held';
    const outcome = await this.attempt(candidate, undefined, signer);
    return outcome === 'good' ? 'held' : outcome === 'cancelled' ? 'failed' : outcome;
  }

  /** Follows the repository again, also to an image that was found bad: the machine may have been at fault. */
  async release(): Promise<Outcome> {
    await this.begin();
    const tip = await this.tip().catch(ifNoBug(undefined));
    const bad = Object.fromEntries(Object.entries(this.state.bad).filter(([id]) => id !== tip?.id));
    await this.save({ bad, refused: undefined, trying: undefined });
    if (this.state.held !== undefined) {
      await this.journal.add({ step: 'released', image: this.state.held.id });
      await this.save({ held: undefined });
    }
    return this.apply();
  }

  private async begin(): Promise<void> {
    makeFolder(this.host.images);
    await removeParts(this.host);
    const { host, repository, runner, journal, gates } = this;
    this.record = new HostRecord(host.stateFile, await recoverState(host.stateFile, journal));
    const failed = (reason: string): void => {
      this.reason = reason;
    };
    this.service = new Service({ host, repository, runner, journal, gates, record: this.record, failed });
  }

  private get state(): State {
    return this.record.state;
  }

  private async tip(): Promise<Candidate> {
    const commit = await this.repository.resolve(this.host.tip);
    if (commit === undefined) throw new Unable('the clone of the repository has no commit; run deploy init again');
    return candidateAt(this.repository, commit);
  }

  /**
   * One look at the repository, and what follows from it. `yields`: an image that is newer than what is found comes
   * first.
   */
  private async step(yields: boolean): Promise<Outcome | 'cancelled'> {
    let commit: string | undefined;
    try {
      commit = await this.repository.resolve(this.host.tip);
      if (commit === undefined) return this.failed('the clone of the repository has no commit; run deploy init again');
      if (this.state.refused?.commit === commit && this.state.trying === undefined) return 'unchanged';
      const id = await latestAt(this.repository, commit);
      const running = await this.runner.status();
      const settled = id === this.state.good && running?.image === id && this.state.held === undefined;
      // An image that already runs changes nothing, even with a new signature.
      if (settled) return 'unchanged';
      if (this.state.bad[id] !== undefined && this.state.held === undefined) return await this.dropTrying();
      const candidate = await candidateAt(this.repository, commit);
      if (this.state.held !== undefined && candidate.labels.serial <= this.state.held.serial) return 'held';
      const signer = await admit(candidate, this.repository, this.host, {
        serial: this.state.serial,
        id: this.state.taken,
        zones: this.state.zones,
      });
      if (this.state.held !== undefined) {
        await this.journal.add({ step: 'released', image: this.state.held.id, serial: candidate.labels.serial });
        await this.save({ held: undefined });
      }
      if (this.state.bad[id] !== undefined) return await this.dropTrying();
      if (id === this.state.good && running?.image === id) return 'unchanged';
      return await this.attempt(candidate, new Newer(this.host, commit, id, yields), signer);
    } catch (error) {
      if (commit !== undefined && isRefusal(error)) return this.refused(commit, error.message);
      return this.failed(messageOf(error));
    }
  }

  /** Stages, tests, starts and judges an image. */
  private async attempt(
    candidate: Candidate,
    newer: Newer | undefined,
    signer?: string,
  ): Promise<Outcome | 'cancelled'> {
    const { id, commit } = candidate;
    const { serial } = candidate.labels;
    const about = { image: id, serial };
    const resumed = this.state.trying?.id === id ? this.state.trying : undefined;
    if (this.state.seen !== commit) {
      await this.journal.add({ step: 'fetched', ...about, commit });
      await this.journal.add({ step: 'verified', ...about, signer });
      await this.save({ seen: commit });
    }
    newer?.watch();
    try {
      const began = performance.now();
      const image = await stageImage(this.host, this.repository, candidate, newer?.signal);
      if (resumed === undefined) await this.journal.add({ step: 'staged', ...about, ms: since(began) });
      const running = await this.runner.status();
      if (running?.image !== id) {
        if ((resumed?.attempts ?? 0) >= ATTEMPTS)
          return await this.bad(candidate, `${ATTEMPTS} starts of it were cut off before it was found to serve`);
        const { config, folder } = this.host;
        const wrong = await this.gates.selfTest(image, config.args, newer?.signal, folder);
        if (newer?.signal.aborted) return await this.cancelled(id, newer);
        if (wrong !== undefined) return await this.bad(candidate, wrong);
        await this.save({ trying: { id, serial, attempts: (resumed?.attempts ?? 0) + 1 } });
        await this.journal.add({ step: 'trying', ...about });
        try {
          await this.service.switchTo(image, running);
        } catch (error) {
          if (isBug(error)) throw error;
          return await this.bad(candidate, messageOf(error));
        }
      }
      const wrong = await verdict(image, this.host, this.runner, this.gates, newer);
      if (newer?.signal.aborted && wrong !== undefined) return await this.cancelled(id, newer);
      if (wrong !== undefined) return await this.bad(candidate, wrong);
      return await this.good(candidate, since(began));
    } catch (error) {
      if (newer?.signal.aborted) return await this.cancelled(id, newer);
      throw error;
    } finally {
      newer?.stop();
    }
  }

  private async good(candidate: Candidate, ms: number): Promise<Outcome> {
    const { id, labels } = candidate;
    const { good, before } = this.state;
    await this.save({
      ...this.takenWith(candidate),
      good: id,
      before: good === id ? before : good,
      trying: undefined,
      refused: undefined,
    });
    const running = await this.runner.status();
    await this.journal.add({ step: 'good', image: id, serial: labels.serial, url: running?.url, ms });
    await this.service.prune(running);
    return 'good';
  }

  private async bad(candidate: Candidate, reason: string): Promise<Outcome> {
    const { id, labels } = candidate;
    this.reason = `image ${id.slice(0, 12)}: ${reason}`;
    const { bad, held } = this.state;
    await this.save({
      bad: { ...bad, [id]: { reason, serial: labels.serial } },
      trying: undefined,
      ...this.takenWith(candidate),
      held: held?.id === id ? undefined : held,
    });
    await this.journal.add({ step: 'bad', image: id, serial: labels.serial, reason });
    const running = await this.service.serveSomething(id);
    await this.service.prune(running);
    return 'bad';
  }

  /** The highest serial, the image that has it, and the zones up to there. */
  private takenWith({ id, labels: { serial }, manifest }: Candidate): Pick<State, 'serial' | 'taken' | 'zones'> {
    const { serial: highest, taken, zones } = this.state;
    if (serial < highest) return { serial: highest, taken, zones };
    return { serial, taken: id, zones: withZonesOf(manifest, zones) };
  }

  private async cancelled(id: string, { stopped }: Newer): Promise<'cancelled'> {
    await this.save({ trying: undefined });
    const why = stopped ? 'the host was stopped' : 'a newer commit came';
    await this.journal.add({ step: 'cancelled', image: id, reason: `${why} before it was found good` });
    return 'cancelled';
  }

  private async dropTrying(): Promise<Outcome> {
    if (this.state.trying !== undefined) await this.save({ trying: undefined });
    return 'unchanged';
  }

  private async refused(commit: string, reason: string): Promise<Outcome> {
    this.reason = `commit ${commit.slice(0, 12)}: ${reason}`;
    await this.save({ refused: { commit, reason }, trying: undefined });
    await this.journal.add({ step: 'refused', commit, reason });
    return 'refused';
  }

  /** A fault that lasts repeats at every poll: the same message is logged once. */
  private async failed(reason: string): Promise<Outcome> {
    this.reason = reason;
    const last = (await this.journal.read()).pop();
    if (last?.step !== 'failed' || last.reason !== reason) await this.journal.add({ step: 'failed', reason });
    return 'failed';
  }

  private save(change: Partial<State>): Promise<void> {
    return this.record.save(change);
  }
}

function since(began: number): number {
  return Math.round(performance.now() - began);
}
