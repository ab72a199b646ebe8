/**
 * What drives a stack with TCP on any device and any clock, in the one order: frames are received, taken in, what was
 * held back is flushed, and what is due is done; a program's own calls enter in the same way.
 */
import { Containment, GuardedPoll, type OnFault } from '../containment.js';
import type { Device } from '../device/device.js';
import { Drops } from '../drops.js';
import type { Clock, Timer } from '../flow.js';
import { Stack } from '../ip/stack.js';
import type { Random } from '../random.js';
import { type CongestionName, congestionByName } from '../tcp/congestion/index.js';
import { TcpLayer, type TcpLimits } from '../tcp/index.js';

/** Frames that a turn takes before timers are looked at. */
const BUDGET = 64;
/** ms until a device is read again that failed. */
const REREAD = 10;

/** A clock that can also be asked for a moment: a timer then fires at that very number. */
export interface HostClock extends Clock {
  at?(time: number, callback: () => void): Timer;
}

export interface DriverOptions {
  readonly device: Device;
  readonly clock: HostClock;
  readonly random: Random;
  /** Default: cubic. */
  readonly congestion?: CongestionName | undefined;
  readonly limits?: Partial<TcpLimits> | undefined;
  readonly drops?: Drops | undefined;
  /**
   * Exceptions in the stack, and in handlers and timers of its flows: each ended a frame, a connection or a timer, and
   * the host goes on. Without it they are thrown.
   */
  readonly onFault?: OnFault | undefined;
}

/** What is polled with a stack. */
export interface Companion {
  /** Does what is due; returns when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
}

export class StackDriver {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly drops: Drops;
  readonly faults: Containment;
  readonly device: Device;
  /** Time as this host's programs see it: their callbacks run inside an entry of the stack. */
  readonly clock: Clock;
  /** Called when frames may wait; the default asks the clock for a turn. A loop that polls the device replaces it. */
  onReadable: () => void = () => this.#queueTurn();
  /** Time as the stack sees it. */
  protected readonly time: HostClock;
  /** Called after each turn and timer. */
  protected onTurned: (() => void) | undefined;
  readonly #companions = new Map<Companion, GuardedPoll>();
  #closed = false;
  #turnQueued = false;
  #inside = false;
  #timer: Timer | undefined;
  #timerFor = Number.POSITIVE_INFINITY;

  constructor(options: DriverOptions) {
    const { device, random, clock: time } = options;
    this.device = device;
    this.drops = options.drops ?? new Drops();
    this.faults = new Containment(options.onFault);
    this.time = time;
    const { drops, faults } = this;
    this.stack = new Stack({ device, random, drops, faults });
    const congestion = congestionByName(options.congestion ?? 'cubic');
    this.tcp = new TcpLayer({ ip: this.stack, random, drops, faults, congestion, limits: options.limits ?? {} });
    this.stack.host(this.tcp);
    this.tcp.outside = () => this.#enteredFromOutside();
    device.onReadable = () => this.onReadable();
    this.clock = {
      now: () => time.now(),
      wallClock: () => time.wallClock(),
      schedule: (delay, callback) => time.schedule(delay, () => this.enter(() => this.#timerFired(callback))),
    };
  }

  /** Polls `companion` with the stack from now on: what asks for addresses of another kind, for instance. */
  accompany(companion: Companion): void {
    this.#companions.set(companion, new GuardedPoll(this.faults, companion));
  }

  /** It is not polled any more. */
  protected part(companion: Companion): void {
    this.#companions.delete(companion);
  }

  /** No further turn, and the device is closed. */
  protected shutDown(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.device.close();
  }

  /** One turn: receive, input, flush, then what is due. Returns the number of frames that it took. */
  turn(budget = BUDGET): number {
    const { stack, device } = this;
    const now = this.time.now();
    this.#inside = true;
    let taken = 0;
    try {
      try {
        taken = device.receive((bytes, start, end, marks) => this.input(bytes, start, end, marks, now), budget);
      } catch (error) {
        // Frames may still wait, and no event would report them again.
        this.time.schedule(REREAD, () => this.#queueTurn());
        this.faults.note(error, 'device', now);
      }
      stack.flush(now);
      this.flushed();
    } finally {
      this.#inside = false;
    }
    if (taken === budget) this.#queueTurn();
    this.#poll();
    return taken;
  }

  /** One frame. A host that counts or measures overrides it. */
  protected input(bytes: Uint8Array, start: number, end: number, marks: number, now: number): void {
    this.stack.input(bytes, start, end, marks, now);
  }

  /** A turn's batch is through. */
  protected flushed(): void {}

  /** Runs `work` as an entry of the stack: the stack learns the time first, and sends afterwards. */
  enter(work: () => void): void {
    if (this.#inside) {
      work();
      return;
    }
    const now = this.time.now();
    this.#inside = true;
    try {
      this.stack.poll(now);
      for (const one of this.#companions.values()) one.poll(now);
      work();
    } finally {
      // What `work` throws is its caller's; what was asked before that leaves.
      try {
        this.stack.flush(now);
      } finally {
        this.#inside = false;
      }
      this.#poll();
    }
  }

  #timerFired(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.faults.note(error, 'timer', this.time.now());
    }
  }

  /**
   * When the stack wants its next turn; ms of the clock, `Infinity`: never. The host asks the clock for it by itself.
   */
  get deadline(): number {
    return this.#timerFor;
  }

  #queueTurn(): void {
    if (this.#turnQueued || this.#closed) return;
    this.#turnQueued = true;
    this.time.schedule(0, () => {
      this.#turnQueued = false;
      if (!this.#closed) this.turn();
    });
  }

  #poll(): void {
    const { stack, time } = this;
    const now = time.now();
    this.#inside = true;
    let due = Number.POSITIVE_INFINITY;
    try {
      for (const one of this.#companions.values()) due = Math.min(due, one.poll(now));
      due = Math.min(due, stack.poll(now), stack.pollNeighbours(now));
    } finally {
      this.#inside = false;
    }
    this.onTurned?.();
    if (due === this.#timerFor) return;
    this.#timer?.cancel();
    this.#timerFor = due;
    if (due === Number.POSITIVE_INFINITY || this.#closed) return;
    const fired = (): void => {
      this.#timerFor = Number.POSITIVE_INFINITY;
      this.#poll();
    };
    // A deadline in the past asks for another turn, but time must not stand still.
    const at = Math.max(due, time.now());
    this.#timer = time.at === undefined ? time.schedule(at - time.now(), fired) : time.at(at, fired);
  }

  /**
   * A program wrote to a flow between two entries: the stack learns the time, and sends when the program has returned.
   */
  #enteredFromOutside(): void {
    if (this.#inside) return;
    const now = this.time.now();
    this.stack.now = now;
    this.tcp.now = now;
    this.#queueTurn();
  }
}
