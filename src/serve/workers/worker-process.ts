/** A process of `--workers` in the view of the first process, and the descriptors that all of them serve on. */
import type { ChildProcess } from 'node:child_process';
import type { Report } from '../siblings.js';
import type { ToFirst, ToWorker } from '../worker-channel.js';
import { Way } from './way.js';

/** The descriptors of the workers: one for each. */
export interface Shared {
  readonly fds: readonly number[];
  /** With HTTPS over sockets: those of the HTTP port. */
  readonly httpFds?: readonly number[] | undefined;
  /** Where they serve; called when all of them serve. */
  readonly urls: readonly string[];
  /** Our addresses at present. */
  readonly addresses: readonly string[];
  /** Accepts no new connections: all workers drain. */
  drain(): void;
  /** Closes all descriptors. */
  close(): void;
  /** A process of that worker has begun, says something of its own, has ended. */
  began?(worker: Worker): void;
  heard?(worker: Worker, message: ToFirst): void;
  ended?(worker: Worker, draining: boolean): void;
}

export class Worker {
  child: ChildProcess | undefined;
  /** It has served since its last start. */
  ready = false;
  /** It has no connections any more, and waits for the others. */
  drained = false;
  report: Report | undefined;
  /** Results on the way to its process. */
  way = new Way();
  private reloadLater = false;

  constructor(
    readonly number: number,
    readonly fd: number,
    /** With HTTPS over sockets: that of the HTTP port. */
    readonly httpFd: number | undefined,
  ) {}

  /**
   * A process that has just begun takes no signals yet, and may already have read the sites: it gets the signal when it
   * serves.
   */
  reload(): void {
    if (this.ready) this.child?.kill('SIGHUP');
    this.reloadLater = !this.ready;
  }

  served(): void {
    this.ready = true;
    if (this.reloadLater) this.reload();
  }

  /** `sent` is called when it is on the way, or never will be. */
  say(message: ToWorker, sent: () => void = () => undefined): void {
    if (this.child?.connected) this.child.send(message, sent);
    else sent();
  }
}
