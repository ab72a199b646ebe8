/** Watches, while an image waits for its verdict, whether the repository has got a newer one, or it is to end here. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifCode, isBug } from '../../errors/codes.js';
import { Repository } from '../git/git.js';
import type { Host } from '../host/host.js';
import { Lock } from '../host/lock.js';
import { latestAt } from './candidate.js';

const LOOK_EVERY = 300;

export class Newer {
  private readonly host: Host;
  private readonly id: string;
  private commit: string;
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  /** `deploy stop` waits for the end. */
  stopped = false;

  /** `commit`: the tip that `id` was found at. `yields`: a newer image comes first. */
  constructor(
    host: Host,
    commit: string,
    id: string,
    private readonly yields: boolean,
  ) {
    this.host = host;
    this.commit = commit;
    this.id = id;
  }

  /** Aborted when a newer image is there, or `stopped`. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  watch(): void {
    this.timer ??= setInterval(() => void this.look(), LOOK_EVERY).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Waits; shorter when a newer one comes. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const { signal } = this.controller;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      if (signal.aborted) done();
      else signal.addEventListener('abort', done);
    });
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const { gitDir, config, stopLock } = this.host;
      if (await Lock.isHeld(stopLock)) {
        this.stopped = true;
        this.controller.abort();
      }
      if (!this.yields || this.stopped) return;
      // A pull writes the branch as a loose reference; one that was packed since did not change.
      const tip = await readFile(join(gitDir, 'refs', 'heads', config.branch), 'utf8').catch(
        ifCode(this.commit, 'ENOENT'),
      );
      if (tip.trim() === this.commit) return;
      this.commit = tip.trim();
      if ((await latestAt(new Repository(gitDir), this.commit)) !== this.id) this.controller.abort();
    } catch (error) {
      // A commit without an image is no newer one. Where the repository cannot be read, the next time may tell.
      if (isBug(error)) throw error;
    } finally {
      this.looking = false;
    }
  }
}
