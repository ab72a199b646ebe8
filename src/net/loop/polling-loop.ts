/**
 * A loop that sleeps in a `poll` of its own, on the device and on libuv's descriptor together, until the next timer of
 * the stack or of Node: for a process that is the server and little else. libuv runs between two of its turns.
 */
import { TwoDescriptors } from '../../native/poll.js';
import { type NextTimer, nodeTimer } from '../../native/timers.js';
import { type Turning, turning } from '../../native/turning.js';
import { type Driven, type Loop, millisecondsUntil, spinsByDefault } from './loop.js';
import { Spin } from './spin.js';

/** The longest sleep in ms, whatever the deadlines say. */
const LONGEST_SLEEP = 60_000;
/** The longest sleep in ms where Node does not report when its next timer is due. */
const BLIND_SLEEP = 20;
/**
 * Turns that libuv gets after it woke us. A handle that a callback starts is in epoll only after the next turn;
 * sleeping before that was measured to hold up a request for as long as the sleep lasted.
 */
const LIBUV_TURNS = 4;

/**
 * What may be done before libuv has its turn, in looks of about half a microsecond; a frame counts as `FRAME_LOOKS` of
 * them. About a millisecond. A turn of libuv costs 1.3 µs and an object for `setImmediate`: with one at each third
 * look, a lone client's request left a kilobyte of garbage behind.
 */
const LOOKS_A_TICK = 2048;
const FRAME_LOOKS = 8;

/**
 * Looks of half a microsecond before it sleeps. Measured with one connection: 38,000 requests a second with 40, 43,000
 * with 60, 47,000 with 100 or more; nothing changes with many connections, or on one core.
 */
const LOOKS = 100;

export class PollingLoop implements Loop {
  private readonly driven: Driven;
  private readonly spin: Spin;
  private readonly descriptors: TwoDescriptors;
  private readonly nextTimer: NextTimer | undefined;
  /**
   * Undefined where Node's build does not report waiting immediates. Then an immediate that another one asks for may
   * wait for a sleep.
   */
  private readonly turning: Turning | undefined;
  private running = false;
  /** The last turns found nothing more: it is time to sleep. */
  private quiet = false;
  /** Ticks that libuv is still owed before the next sleep. */
  private owed = LIBUV_TURNS;

  /**
   * `fd` is the device's, `libuv` the descriptor that the event loop sleeps on. `spin`: looks before it sleeps, 0 or
   * more.
   */
  constructor(fd: number, libuv: number, driven: Driven, spin = spinsByDefault(LOOKS)) {
    this.driven = driven;
    this.spin = new Spin(spin);
    this.descriptors = new TwoDescriptors(fd, libuv);
    this.nextTimer = nodeTimer();
    this.turning = turning();
  }

  start(): void {
    this.running = true;
    this.turning?.start();
    this.later();
  }

  stop(): void {
    this.running = false;
    this.turning?.stop();
  }

  private later(): void {
    const immediate = setImmediate(this.tick);
    if (this.turning !== undefined) immediate.unref();
  }

  wake(): void {
    // The caller runs in a callback of libuv's, and each sleep asks for the deadline anew.
  }

  private readonly tick = (): void => {
    if (!this.running) return;
    if (this.owed > 0) {
      this.owed -= 1;
      this.driven.turn();
    } else {
      // What a turn left to Node (promises, immediates) was done between the last tick and this one.
      if (this.quiet) this.sleep();
      this.quiet = this.running && this.turns();
    }
    if (this.running) this.later();
  };

  /** Turns until libuv is due. True: enough turns found nothing, and it is time to sleep. */
  private turns(): boolean {
    const { driven, spin } = this;
    let spinning = false;
    for (let looks = 0; looks < LOOKS_A_TICK && this.running; ) {
      const frames = driven.turn(spinning);
      spinning = frames === 0;
      if (frames === 0) {
        if (!spin.again()) return this.running;
        looks += 1;
      } else {
        spin.found();
        looks += frames * FRAME_LOOKS;
      }
    }
    return false;
  }

  private sleep(): void {
    if (this.turning?.immediatesWait() === true) return;
    const timeout = this.timeout();
    if (timeout === 0) {
      // Node's timer is due: libuv runs it in its next turn.
      this.spin.woken();
      return;
    }
    const ready = this.descriptors.wait(timeout);
    this.spin.woken();
    if ((ready & 1) !== 0) this.driven.turn();
    // Woken by libuv, or by time, which may be due to one of Node's timers.
    if (ready !== 1) this.owed = LIBUV_TURNS;
  }

  /** Milliseconds to sleep at most: until the stack's deadline or Node's next timer. */
  private timeout(): number {
    if (this.nextTimer === undefined) return millisecondsUntil(this.driven.deadline, BLIND_SLEEP);
    const timer = this.nextTimer();
    const most = timer < 0 ? LONGEST_SLEEP : Math.min(timer, LONGEST_SLEEP);
    return millisecondsUntil(this.driven.deadline, most);
  }
}
