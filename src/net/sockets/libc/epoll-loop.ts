/**
 * The loop of a process that serves on sockets of its own and does little else: it sleeps in one epoll that holds these
 * sockets and, nested, libuv's own descriptor, until something is ready or Node's next timer is due. libuv has its turn
 * between two of ours. One a process: two loops that sleep would keep each other's sockets waiting.
 */
import { availableParallelism } from 'node:os';
import { UserError } from '../../../errors/user-error.js';
import { pinned } from '../../../native/libc/slab.js';
import { eventLoopDescriptor } from '../../../native/poll.js';
import {
  EPOLL_CTL_ADD,
  EPOLLIN,
  EVENT_DATA,
  EVENT_SIZE,
  type SocketCalls,
  socketCalls,
} from '../../../native/sockets/sockets.js';
import { type NextTimer, nodeTimer } from '../../../native/timers.js';
import { type Turning, turning } from '../../../native/turning.js';
import { Spin } from '../../loop/spin.js';

/** Events that one look takes. */
const EVENTS = 256;
/** Looks before libuv gets its turn, and as how many of them an event counts: a millisecond or two at the worst. */
const TURN_BUDGET = 2048;
const LOOKS_AN_EVENT = 8;
/**
 * Looks in vain before it sleeps, each half a microsecond: on two cores a wake-up costs more than the answer to a
 * request. A turn of libuv between them would cost more than the looks, and leave garbage.
 */
const LOOKS = availableParallelism() > 1 ? Number(process.env['SK_LOOKS'] ?? 80) : 0;
/** The longest sleep in ms. */
const LONGEST_SLEEP = 60_000;
/** Turns that libuv gets after it woke us: a handle that a callback starts is in its epoll only after the next turn. */
const LIBUV_TURNS = 4;
/** The tag of libuv's descriptor. */
const LIBUV = -1;

/**
 * Gets the events of a descriptor. `tag` is what was given with the descriptor: it distinguishes the descriptor from an
 * earlier one of the same number.
 */
export interface Watcher {
  ready(fd: number, tag: number, events: number): void;
  /** Does what the events left to do. Returns how much it did; 0: nothing is left. */
  settle(): number;
}

export class EpollLoop {
  private static one: EpollLoop | undefined;

  readonly calls: SocketCalls = socketCalls();
  private readonly fd: number;
  private readonly events = pinned(EVENTS * EVENT_SIZE);
  private readonly view = new DataView(this.events.bytes.buffer, this.events.bytes.byteOffset, EVENTS * EVENT_SIZE);
  private readonly entry = pinned(EVENT_SIZE);
  private readonly entryView = new DataView(this.entry.bytes.buffer, this.entry.bytes.byteOffset, EVENT_SIZE);
  private readonly spin = new Spin(LOOKS);
  private readonly nextTimer: NextTimer;
  private readonly turning: Turning;
  private readonly watchers: Watcher[] = [];
  private readonly watcherOf: (Watcher | undefined)[] = [];
  private owed = LIBUV_TURNS;
  private libuvReady = false;
  private ticking = false;
  /** The last looks found nothing. */
  private quiet = false;

  /** The process's loop. Throws where it cannot be had: not Linux, no koffi, a Node that does not export libuv. */
  static get(): EpollLoop {
    EpollLoop.one ??= new EpollLoop();
    return EpollLoop.one;
  }

  private constructor() {
    const libuv = eventLoopDescriptor();
    const nextTimer = nodeTimer();
    const own = turning();
    if (libuv === undefined || nextTimer === undefined || own === undefined)
      throw new UserError('this build of Node does not export the functions of its event loop');
    this.nextTimer = nextTimer;
    this.turning = own;
    this.fd = this.calls.epoll();
    if (this.fd < 0) throw new UserError('no descriptor is left for epoll');
    this.control(EPOLL_CTL_ADD, libuv, LIBUV, EPOLLIN);
  }

  /** It turns while it has watchers, and keeps the process. */
  attach(watcher: Watcher): void {
    if (this.watchers.includes(watcher)) return;
    this.watchers.push(watcher);
    this.owed = LIBUV_TURNS;
    if (this.ticking) return;
    this.ticking = true;
    this.turning.start();
    setImmediate(this.tick).unref();
  }

  detach(watcher: Watcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at >= 0) this.watchers.splice(at, 1);
  }

  /** Watches `fd` for `events` until it is closed. Answers -1 on failure. */
  add(fd: number, tag: number, events: number, watcher: Watcher): number {
    this.watcherOf[fd] = watcher;
    return this.control(EPOLL_CTL_ADD, fd, tag, events);
  }

  control(operation: number, fd: number, tag: number, events: number): number {
    const { entryView } = this;
    entryView.setUint32(0, events, true);
    entryView.setInt32(EVENT_DATA, fd, true);
    entryView.setInt32(EVENT_DATA + 4, tag, true);
    return this.calls.epoll_ctl(this.fd, operation, fd, this.entry.address);
  }

  private readonly tick = (): void => {
    if (this.watchers.length === 0) {
      this.ticking = false;
      this.turning.stop();
      return;
    }
    if (this.owed > 0) this.owed -= 1;
    // What handlers left to libuv (callbacks that wait, promises) was done between the last tick and this one.
    else if (this.quiet) this.sleep();
    this.looks();
    setImmediate(this.tick).unref();
  };

  /** Looks until enough in a row found nothing, libuv wants its turn, or the budget is used up. */
  private looks(): void {
    this.quiet = false;
    for (let left = TURN_BUDGET; left > 0; ) {
      const done = this.look(0);
      if (this.libuvReady) {
        this.owed = LIBUV_TURNS;
        return;
      }
      if (done > 0) {
        this.spin.found();
        left -= done * LOOKS_AN_EVENT;
      } else {
        left -= 1;
        if (!this.spin.again()) {
          this.quiet = true;
          return;
        }
      }
    }
  }

  private sleep(): void {
    this.spin.woken();
    // libuv's callbacks may have asked flows for something, or queued others.
    if (this.settle() > 0 || this.turning.immediatesWait()) return;
    const timeout = this.nextTimer();
    // 0: a timer of Node's is due, and libuv runs it in its next turn.
    const done = timeout === 0 ? 0 : this.look(timeout < 0 ? LONGEST_SLEEP : Math.min(timeout, LONGEST_SLEEP));
    if (done === 0 || this.libuvReady) this.owed = LIBUV_TURNS;
  }

  /** Takes what is ready, after at most `timeout` ms. Returns how much there was to do. */
  private look(timeout: number): number {
    const { view, watcherOf } = this;
    const count = this.calls.epoll_wait(this.fd, this.events.address, EVENTS, timeout);
    let done = 0;
    this.libuvReady = false;
    for (let i = 0, at = 0; i < count; i++, at += EVENT_SIZE) {
      const tag = view.getInt32(at + EVENT_DATA + 4, true);
      if (tag === LIBUV) {
        this.libuvReady = true;
        continue;
      }
      const fd = view.getInt32(at + EVENT_DATA, true);
      watcherOf[fd]?.ready(fd, tag, view.getUint32(at, true));
      done += 1;
    }
    return done + this.settle();
  }

  private settle(): number {
    const { watchers } = this;
    let done = 0;
    for (let i = 0; i < watchers.length; i++) done += watchers[i].settle();
    return done;
  }
}
