/**
 * The loop of a process that serves on sockets of its own and does little else: it sleeps in one epoll that holds these
 * sockets and, nested, libuv's own descriptor, until something is ready or Node's next timer is due. libuv has its turn
 * between two of ours. One a process: two loops that sleep would keep each other's sockets waiting.
 */
import { eventLoopDescriptor } from '../../native/poll.js';
import { pinned } from '../../native/slab.js';
import { EPOLL_CTL_ADD, EPOLLIN, EVENT_DATA, EVENT_SIZE, type SocketCalls, socketCalls } from '../../native/sockets.js';
import { libuvTimeout, type NextTimer } from '../../native/timers.js';
import { defaultSpin } from '../device/loop.js';
import { Spin } from '../device/spin.js';

/** Events that one look takes. */
const EVENTS = 256;
/** Events before libuv gets its turn: a millisecond or two at the worst. */
const TURN_BUDGET = 256;
/** Looks in vain before libuv has its turn: a look without libuv's part costs half of one with it. */
const LOOKS_A_TICK = 3;
/** The longest sleep in ms. */
const LONGEST_SLEEP = 60_000;
/** Turns that libuv gets after it woke us: a handle that a callback starts is in its epoll only after the next turn. */
const LIBUV_TURNS = 4;
/** The tag of libuv's descriptor. */
const LIBUV = -1;

/** Who is told. `tag` is what was given with the descriptor: it tells a descriptor from an earlier one of the same number. */
export interface Watcher {
  ready(fd: number, tag: number, events: number): void;
  /** Does what the events left to do. Answers how much it did; 0: nothing is left. */
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
  private readonly spin = new Spin(Math.ceil(defaultSpin() / LOOKS_A_TICK));
  private readonly libuvTimeout: NextTimer;
  private readonly watchers: Watcher[] = [];
  private readonly watcherOf: (Watcher | undefined)[] = [];
  private owed = LIBUV_TURNS;
  private libuvReady = false;
  private ticking = false;
  /** Keeps libuv ready to sleep, as `libuvTimeout` wants it. */
  private keeper: NodeJS.Timeout | undefined;

  /** The process's loop. Throws where it cannot be had: not Linux, no koffi, a Node that does not export libuv. */
  static get(): EpollLoop {
    EpollLoop.one ??= new EpollLoop();
    return EpollLoop.one;
  }

  private constructor() {
    const libuv = eventLoopDescriptor();
    const timeout = libuvTimeout();
    if (libuv === undefined || timeout === undefined)
      throw new Error('this build of Node does not tell the descriptor of its event loop');
    this.libuvTimeout = timeout;
    this.fd = this.calls.epoll();
    if (this.fd < 0) throw new Error('no descriptor is left for epoll');
    this.control(EPOLL_CTL_ADD, libuv, LIBUV, EPOLLIN);
  }

  /** It turns while it has watchers, and keeps the process. */
  attach(watcher: Watcher): void {
    if (this.watchers.includes(watcher)) return;
    this.watchers.push(watcher);
    this.owed = LIBUV_TURNS;
    if (this.ticking) return;
    this.ticking = true;
    this.keeper = setInterval(() => undefined, 2 ** 30);
    setImmediate(this.tick);
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
      clearInterval(this.keeper);
      return;
    }
    const busy = this.looks();
    if (busy) this.spin.found();
    if (this.owed > 0) this.owed -= 1;
    else if (!busy && !this.spin.again()) this.sleep();
    setImmediate(this.tick);
  };

  /** Looks until some in a row found nothing, libuv wants its turn, or the budget is used up. */
  private looks(): boolean {
    let left = TURN_BUDGET;
    let misses = 0;
    let busy = false;
    while (misses < LOOKS_A_TICK && left > 0) {
      const done = this.look(0);
      if (done === 0) misses += 1;
      else {
        misses = 0;
        left -= done;
        busy = true;
      }
      if (this.libuvReady) {
        this.owed = LIBUV_TURNS;
        break;
      }
    }
    return busy;
  }

  private sleep(): void {
    const timeout = this.libuvTimeout();
    this.spin.woken();
    // 0: a timer of Node's is due, or a callback waits, and libuv runs it in its next turn.
    if (timeout === 0) return;
    const done = this.look(timeout < 0 ? LONGEST_SLEEP : Math.min(timeout, LONGEST_SLEEP));
    if (done === 0 || this.libuvReady) this.owed = LIBUV_TURNS;
  }

  /** Takes what is ready, after at most `timeout` ms. Answers how much there was to do. */
  private look(timeout: number): number {
    const { view, watcherOf, watchers } = this;
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
    for (let i = 0; i < watchers.length; i++) done += watchers[i].settle();
    return done;
  }
}
