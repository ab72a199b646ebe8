/**
 * Entries of a stack in real time: frames that a loop finds, timers, and what is asked from outside. Each runs to
 * completion: frames all the way up, answers all the way down, then what is due.
 */
import { performance } from 'node:perf_hooks';
import { GuardedPoll } from '../../containment.js';
import type { Device } from '../../device/device.js';
import type { DescriptorDevice } from '../../device/linux/descriptor-device.js';
import { CaptureDevice } from '../../device/wrap/capture.js';
import { FaultyDevice } from '../../device/wrap/faulty-device.js';
import type { Stack } from '../../ip/stack.js';
import { type Driven, type Loop, TURN_BUDGET } from '../../loop/loop.js';
import type { TcpLayer } from '../../tcp/index.js';
import { NEIGHBOUR_ADVERTISEMENT } from '../../wire/icmpv6.js';
import { ICMPV6 } from '../../wire/ipv6.js';
import type { AddressMode } from '../address/address-mode.js';
import { FLUSH, OUTSIDE, POLL, POLL_STACK } from '../replay/events.js';
import type { Owners } from '../replay/recorded-flow.js';
import type { Recorder } from '../replay/recorder.js';

/**
 * Turns that find nothing, some half a microsecond each, to one look at the clock: its answer is an object, and there
 * are a million a second. A power of two.
 */
const SPINS_A_LOOK = 16;
/** Frames between two looks at the clock: a round-trip time is wrong by no more than these take. */
const FRAMES_A_LOOK = 8;
/** Reads in a row that throw, after which the device is as good as gone. */
const MOST_READ_FAULTS = 64;
/** Milliseconds between two rounds through the timers while frames keep coming. */
const POLL_INTERVAL = 1;

/** What entries go through. */
export interface TurnParts {
  readonly link: DescriptorDevice;
  /** What the frames of `link` pass first. */
  readonly wire: Device;
  /** What the stack has. */
  readonly device: Device;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly recorder?: Recorder | undefined;
  readonly owners?: Owners | undefined;
}

export class Turns implements Driven {
  /** What drives them, set before the first. */
  loop!: Loop;
  /** The way to the address. */
  private mode!: GuardedPoll;
  /** The `now` of the entry that runs, or of the last one; ms. */
  now = 0;
  /** The device is ours to read. */
  reading = true;
  /** Sees the ARP replies (`arp`) and IPv6 neighbour advertisements that come. */
  neighbourReply: ((bytes: Uint8Array, start: number, end: number, arp: boolean) => void) | undefined = undefined;
  /** Called after each turn and each entry. */
  onTurned: (() => void) | undefined = undefined;
  private due = 0;
  /** Entries since `due` was asked for may have brought it nearer. */
  private dueStale = true;
  private polledAt = 0;
  private framesToLook = 0;
  private inEntry = false;
  /** Turns since the loop began to spin, modulo `SPINS_A_LOOK`. */
  private spun = 0;
  /** Looks at the clock so far; wraps. */
  private looks = 0;
  private outsideQueued = false;
  private readFaults = 0;
  /**
   * `now` for the frames of a look. An array that holds `undefined`, too, holds its numbers as objects: one a look is
   * made, not one a frame.
   */
  private readonly lookedAt: [number | undefined] = [undefined];

  private readonly link: DescriptorDevice;
  private readonly wire: Device;
  private readonly device: Device;
  private readonly stack: Stack;
  private readonly tcp: TcpLayer;
  private readonly recorder: Recorder | undefined;
  private readonly owners: Owners | undefined;

  /** `onGone`: the device was removed. */
  constructor(
    { link, wire, device, stack, tcp, recorder, owners }: TurnParts,
    private readonly onGone: () => void,
  ) {
    this.link = link;
    this.wire = wire;
    this.device = device;
    this.stack = stack;
    this.tcp = tcp;
    this.recorder = recorder;
    this.owners = owners;
    tcp.outside = () => this.enteredFromOutside();
  }

  /** `mode` is polled from now on; before the first turn. */
  address(mode: AddressMode): void {
    this.mode = new GuardedPoll(this.stack.faults, mode);
  }

  /** Number of the last look at the clock; undefined: no entry runs. */
  get look(): number | undefined {
    return this.inEntry ? this.looks : undefined;
  }

  private readClock(): void {
    this.now = performance.now();
    this.looks = (this.looks + 1) | 0;
  }

  /** Another loop drives them from now on. */
  changeLoop(loop: Loop): void {
    this.loop.stop();
    this.loop = loop;
    loop.start();
  }

  /** Takes one frame. */
  readonly sink = (bytes: Uint8Array, start: number, end: number, marks: number): void => {
    if (this.framesToLook === 0) {
      this.readClock();
      this.lookedAt[0] = this.now;
      this.framesToLook = FRAMES_A_LOOK;
    }
    this.framesToLook -= 1;
    this.recorder?.frame(bytes, start, end, marks, this.now);
    if (this.neighbourReply !== undefined) this.lookForReply(bytes, start, end);
    this.stack.input(bytes, start, end, marks, this.lookedAt[0] as number);
  };

  private lookForReply(bytes: Uint8Array, start: number, end: number): void {
    if (isArpReply(bytes, start, end)) this.neighbourReply?.(bytes, start, end, true);
    else if (isAdvertisement(bytes, start, end)) this.neighbourReply?.(bytes, start, end, false);
  }

  turn(spinning = false): number {
    this.inEntry = true;
    this.framesToLook = 0;
    this.spun = spinning ? (this.spun + 1) & (SPINS_A_LOOK - 1) : 0;
    const taken = this.receive();
    if (taken > 0) {
      this.flush();
      this.dueStale = true;
      if (this.now - this.polledAt >= POLL_INTERVAL) this.poll();
    } else if (spinning && this.spun !== 0) {
      // Nothing was due a moment ago.
    } else if (performance.now() >= (this.dueStale ? this.polledAt + POLL_INTERVAL : this.due)) this.settle();
    this.inEntry = false;
    if (this.link.gone) this.onGone();
    if (this.onTurned !== undefined) this.onTurned();
    return taken;
  }

  private receive(): number {
    if (!this.reading) return 0;
    try {
      const taken = this.device.receive(this.sink, TURN_BUDGET);
      this.readFaults = 0;
      return taken;
    } catch (error) {
      this.deviceFault(error);
      return 0;
    }
  }

  /** What was read with it is lost. A device that cannot be read any more would stay readable without end. */
  private deviceFault(error: unknown): void {
    if (++this.readFaults >= MOST_READ_FAULTS) this.link.gone = true;
    this.stack.faults.note(error, 'device', performance.now());
  }

  /** Takes what a device holds that gives out frames by a clock of its own. */
  readHeld(): void {
    this.receive();
  }

  arrived(length: number): void {
    if (length === 0) {
      this.link.gone = true;
      return;
    }
    this.inEntry = true;
    this.framesToLook = 0;
    const { device, wire } = this;
    const sink = device instanceof FaultyDevice ? device.handing(this.sink) : this.sink;
    try {
      this.link.deliver(length, wire instanceof CaptureDevice ? wire.handing(sink) : sink);
    } catch (error) {
      this.deviceFault(error);
    }
    this.settle();
    this.inEntry = false;
  }

  /** When the stack wants its next turn. Asked before a sleep, not after each turn. */
  get deadline(): number {
    if (this.dueStale && !this.inEntry) {
      this.inEntry = true;
      this.settle();
      this.inEntry = false;
    }
    return this.due;
  }

  /** What was held back leaves, and what is due is done. */
  private settle(): void {
    this.readClock();
    this.flush();
    this.poll();
  }

  private flush(): void {
    this.recorder?.turn(FLUSH, this.now);
    this.stack.flush(this.now);
  }

  private poll(): void {
    this.recorder?.turn(POLL, this.now);
    const next = this.stack.poll(this.now);
    // A renewal may begin to ask for the server's MAC address.
    this.due = Math.min(next, this.mode.poll(this.now), this.stack.pollNeighbours(this.now));
    this.polledAt = this.now;
    this.dueStale = false;
  }

  /** A timer of a part that owns connections. */
  timer(callback: () => void): void {
    this.event(() => (this.owners === undefined ? callback() : this.owners.entry(callback)));
  }

  /** An entry that has no caller: what `callback` throws ends here. */
  event(callback: () => void): void {
    this.enter(() => {
      try {
        callback();
      } catch (error) {
        this.stack.faults.note(error, 'timer', this.now);
      }
    });
  }

  /** Runs `callback` as an entry of the stack, at the present time. */
  readonly enter = (callback: () => void): void => {
    if (this.inEntry) {
      callback();
      return;
    }
    this.inEntry = true;
    this.readClock();
    this.recorder?.turn(POLL_STACK, this.now);
    try {
      this.stack.poll(this.now);
      callback();
    } finally {
      // What it throws is its caller's; what it asked before that leaves.
      try {
        this.settle();
      } finally {
        this.inEntry = false;
        this.loop.wake();
      }
    }
    if (this.onTurned !== undefined) this.onTurned();
  };

  /**
   * A connection was asked for something outside an entry: the stack learns the time, and settles when the caller is
   * done.
   */
  private enteredFromOutside(): void {
    if (this.inEntry) return;
    this.readClock();
    this.recorder?.turn(OUTSIDE, this.now);
    this.stack.now = this.now;
    this.tcp.now = this.now;
    if (this.outsideQueued) return;
    this.outsideQueued = true;
    setImmediate(() => {
      this.outsideQueued = false;
      this.enter(() => undefined);
    });
  }
}

function isArpReply(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 42 && bytes[start + 12] === 8 && bytes[start + 13] === 6 && bytes[start + 21] === 2;
}

function isAdvertisement(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 78 || bytes[start + 12] !== 0x86 || bytes[start + 13] !== 0xdd) return false;
  return bytes[start + 20] === ICMPV6 && bytes[start + 54] === NEIGHBOUR_ADVERTISEMENT;
}
