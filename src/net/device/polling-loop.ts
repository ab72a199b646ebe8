/**
 * A loop that sleeps in a `poll` of its own, on the device and on libuv's descriptor together, until the next timer of
 * the stack or of Node: for a process that is the server and little else. libuv runs between two of its turns.
 */
import { TwoDescriptors } from '../../native/poll.js';
import { type NextTimer, nodeTimer } from '../../native/timers.js';
import { type Driven, type Loop, millisecondsUntil, TURN_BUDGET } from './loop.js';
import { Spin } from './spin.js';

/** The longest sleep in ms, whatever the deadlines say. */
const LONGEST_SLEEP = 60_000;
/** The longest sleep in ms where Node does not tell when its next timer is due. */
const BLIND_SLEEP = 20;
/**
 * Turns that libuv gets after it woke us. A handle that a callback starts is in epoll only after the next turn; sleeping
 * before that was measured to hold up a request for as long as the sleep lasted.
 */
const LIBUV_TURNS = 4;

/** Looks in vain before libuv has its turn. */
const LOOKS_A_TICK = 3;

export class PollingLoop implements Loop {
  private readonly driven: Driven;
  private readonly spin: Spin;
  private readonly descriptors: TwoDescriptors;
  private readonly nextTimer: NextTimer | undefined;
  private running = false;
  /** Ticks that libuv is still owed before the next sleep. */
  private owed = LIBUV_TURNS;

  /** `fd` is the device's, `libuv` the descriptor that the event loop sleeps on. `spin`: looks before it sleeps. */
  constructor(fd: number, libuv: number, driven: Driven, spin: number) {
    this.driven = driven;
    this.spin = new Spin(Math.ceil(spin / LOOKS_A_TICK));
    this.descriptors = new TwoDescriptors(fd, libuv);
    this.nextTimer = nodeTimer();
  }

  start(): void {
    this.running = true;
    setImmediate(this.tick);
  }

  stop(): void {
    this.running = false;
  }

  wake(): void {
    // Whoever calls runs in a callback of libuv's, and each sleep asks for the deadline anew.
  }

  private readonly tick = (): void => {
    if (!this.running) return;
    const found = this.turns();
    if (found) this.spin.found();
    if (this.owed > 0) this.owed -= 1;
    else if (!found && !this.spin.again()) this.sleep();
    if (this.running) setImmediate(this.tick);
  };

  /** Turns until some in a row found nothing: a look without libuv's part of the loop costs half of one with it. */
  private turns(): boolean {
    const { driven } = this;
    let taken = 0;
    let misses = 0;
    while (misses < LOOKS_A_TICK && taken < TURN_BUDGET) {
      const frames = driven.turn();
      if (frames === 0) misses += 1;
      else {
        taken += frames;
        misses = 0;
      }
    }
    return taken > 0;
  }

  private sleep(): void {
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
