/** A process of `--workers` as the first process knows it, and what all of them serve on. */
import type { ChildProcess } from 'node:child_process';
import type { Report } from '../siblings.js';
import type { ToFirst, ToWorker } from '../worker-channel.js';

/** What the workers serve on: a descriptor for each. */
export interface Shared {
  readonly fds: readonly number[];
  /** With HTTPS over sockets: those of the HTTP port. */
  readonly httpFds?: readonly number[] | undefined;
  /** Where they serve; asked when all do. */
  readonly urls: readonly string[];
  /** No new connections: all drain. */
  drain(): void;
  /** Lets go of all. */
  close(): void;
  /** A process of that worker has begun, says something of its own, has ended. */
  began?(worker: Worker): void;
  heard?(worker: Worker, message: ToFirst): void;
  ended?(worker: Worker, draining: boolean): void;
}

export class Worker {
  child: ChildProcess | undefined;
  /** It served, since it was started last. */
  ready = false;
  /** It has no connections any more, and waits for the others. */
  drained = false;
  report: Report | undefined;
  private reloadLater = false;

  constructor(
    readonly number: number,
    readonly fd: number,
    /** With HTTPS over sockets: that of the HTTP port. */
    readonly httpFd: number | undefined,
  ) {}

  /**
   * A process that has just begun takes no signals yet, and may have read the sites already: it gets it when it serves.
   */
  reload(): void {
    if (this.ready) this.child?.kill('SIGHUP');
    this.reloadLater = !this.ready;
  }

  served(): void {
    this.ready = true;
    if (this.reloadLater) this.reload();
  }

  say(message: ToWorker): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }
}
