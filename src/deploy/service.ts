/** What runs on a host: images are switched with the least that leads there, and after any failure a site is served. */
import type { Running } from '../control/protocol.js';
import { ifNoBug, isBug } from '../errors/codes.js';
import { sameProgram } from '../image/manifest.js';
import type { Runner, StagedImage } from '../image/runner.js';
import type { Repository } from './git/git.js';
import { messageOf, Unable } from './host/fault.js';
import type { Host } from './host/host.js';
import type { Journal } from './host/journal.js';
import type { HostRecord } from './host/record.js';
import { candidateAt, commitOf } from './repository/candidate.js';
import { pruneImages, stagedImage, stageImage } from './stage.js';
import type { Gates } from './verdict.js';

export interface ServiceParts {
  readonly host: Host;
  readonly repository: Repository;
  readonly runner: Runner;
  readonly journal: Journal;
  readonly gates: Gates;
  readonly record: HostRecord;
  /** An image that was good once does not start: one message. */
  readonly failed: (reason: string) => void;
}

export class Service {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** The least that leads there: nothing, a start, another bundle, another program. */
  async switchTo(image: StagedImage, running: Running | undefined): Promise<Running> {
    const { host, runner, record } = this.#parts;
    if (running?.image === image.id) return running;
    const old = running === undefined || running.image === '' ? undefined : await stagedImage(host, running.image);
    if (old !== undefined && sameProgram(old.manifest, image.manifest)) return runner.swap(image);
    const now = await (running === undefined ? runner.start(image) : runner.replace(image));
    await record.save({ program: image.id });
    return now;
  }

  /**
   * After any failure a site shall be served: the last good image, else the one before. `instead`: the image that must
   * not go on running. Returns what runs then, and records what a client sees there.
   */
  async serveSomething(instead?: string): Promise<Running | undefined> {
    const { host, runner, journal, record, failed } = this.#parts;
    const { good, before, trying } = record.state;
    const running = await runner.status().catch(ifNoBug(undefined));
    const trusted = new Set([good, before, trying?.id]);
    const wrong =
      running !== undefined && (running.image === instead || (instead !== undefined && !trusted.has(running.image)));
    if (running !== undefined && !wrong) {
      if (instead !== undefined) await this.#tellServed(running);
      return running;
    }
    for (const id of [good, before]) {
      if (id === undefined || id === instead) continue;
      try {
        const image = (await stagedImage(host, id, true)) ?? (await this.#stageAgain(id));
        const now = await this.switchTo(image, await runner.status());
        await this.#tellServed(now);
        return now;
      } catch (error) {
        if (isBug(error)) throw error;
        failed(`image ${id.slice(0, 12)}: ${messageOf(error)}`);
        await journal.add({ step: 'failed', image: id, reason: `it does not start: ${messageOf(error)}` });
      }
    }
    return runner.status().catch(ifNoBug(undefined));
  }

  /**
   * What runs without ever having been found good, because the last one who tried it was killed or called off, does not
   * go on.
   */
  async endUnjudged(): Promise<void> {
    const { runner, record } = this.#parts;
    const { good } = record.state;
    const running = await runner.status().catch(ifNoBug(undefined));
    if (good === undefined || running === undefined || running.image === good) return;
    await this.prune(await this.serveSomething(running.image));
  }

  /** Removes the images that nothing goes back to. */
  async prune(running: Running | undefined): Promise<void> {
    const { host, record } = this.#parts;
    const { good, before, held, trying, program } = record.state;
    const keep = [good, before, held?.id, trying?.id, running?.image].filter((id) => id !== undefined);
    await pruneImages(host, new Set(keep), program);
  }

  async #tellServed(running: Running): Promise<void> {
    const { host, journal, gates } = this.#parts;
    const { probe: where } = host.config;
    const image = await stagedImage(host, running.image);
    const wrong = where === 'off' || image === undefined ? undefined : await gates.probe(where ?? running.url, image);
    const reason = wrong === undefined ? 'asked from outside, it serves well' : `asked from outside: ${wrong}`;
    await journal.add({ step: 'served', image: running.image, url: running.url, reason });
  }

  async #stageAgain(id: string): Promise<StagedImage> {
    const { host, repository } = this.#parts;
    const commit = await commitOf(repository, host.tip, id);
    if (commit === undefined) throw new Unable('its files are damaged, and the repository has it no more');
    return stageImage(host, repository, await candidateAt(repository, commit));
  }
}
