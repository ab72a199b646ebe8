/**
 * A loop whose sleep is libuv's: timers, signals and other descriptors of the process are served as in any Node
 * program.
 *
 * Node offers no way to watch a bare descriptor, and refuses a TAP as a stream. So one end of a socket pair is wrapped
 * in a `net.Socket`, and the TAP's descriptor is then put in its place with `dup2`: libuv registers a descriptor with
 * epoll only when the loop turns, so what it comes to watch is the TAP. Each readiness brings one frame into the
 * device's own buffer; the turn drains the rest. All of it is on one thread, so frames keep their order.
 */
import type { Socket } from 'node:net';
import { watch } from '../../native/watch.js';
import { type Driven, type Loop, millisecondsUntil, spinsByDefault } from './loop.js';
import { Spin } from './spin.js';

/** The longest that `setTimeout` takes. */
const LONGEST_TIMER = 2_147_483_647;

/** Looks of a microsecond, each in a turn of libuv, before it sleeps. */
const LOOKS = 40;

export class WatchedLoop implements Loop {
  private readonly socket: Socket;
  private readonly driven: Driven;
  private readonly spin: Spin;
  private running = false;
  /** A tick is queued with `setImmediate`. */
  private ticking = false;
  private timer: NodeJS.Timeout | undefined = undefined;
  /** What the timer waits for; `Infinity`: it is not set. */
  private timerFor = Number.POSITIVE_INFINITY;

  /** `fd` is duplicated. `buffer` takes one frame; `spin`: looks before it sleeps, 0 or more. */
  constructor(fd: number, buffer: Uint8Array, driven: Driven, spin = spinsByDefault(LOOKS)) {
    this.driven = driven;
    this.spin = new Spin(spin);
    this.socket = watch(fd, buffer, (length) => this.readable(length));
    this.socket.on('error', () => this.readable(0));
  }

  start(): void {
    this.running = true;
    this.socket.resume();
    this.look();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
    this.socket.destroy();
  }

  wake(): void {
    if (this.running && !this.ticking && this.driven.deadline < this.timerFor) this.setTimer();
  }

  private readable(length: number): void {
    if (!this.running) return;
    this.driven.arrived(length);
    // While ticks are queued, the next of them drains; between two ticks this happens once at most.
    if (!this.ticking) this.look();
  }

  private look(): void {
    this.spin.woken();
    this.driven.turn();
    // One tick at least: it drains what a turn that used up its budget left behind.
    this.queueTick();
  }

  private queueTick(): void {
    this.ticking = true;
    setImmediate(this.tick);
  }

  private readonly tick = (): void => {
    this.ticking = false;
    if (!this.running) return;
    if (this.driven.turn() > 0) this.spin.found();
    else if (!this.spin.again()) {
      this.sleepUnlessDue();
      return;
    }
    this.queueTick();
  };

  private sleepUnlessDue(): void {
    if (this.running && this.driven.deadline < this.timerFor) this.setTimer();
  }

  /** One timer, set again only when something is due before it: one that fires early finds nothing and is set anew. */
  private setTimer(): void {
    const deadline = this.driven.deadline;
    clearTimeout(this.timer);
    this.timerFor = deadline;
    this.timer = setTimeout(this.expired, millisecondsUntil(deadline, LONGEST_TIMER));
  }

  private readonly expired = (): void => {
    this.timerFor = Number.POSITIVE_INFINITY;
    if (!this.running) return;
    if (this.ticking) return;
    this.driven.turn();
    this.sleepUnlessDue();
  };
}
