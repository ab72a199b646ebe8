/**
 * What a bad link does to a frame: loses it, by chance or in bursts, delays, repeats, reorders or corrupts it, sends it
 * at a limited rate out of a limited queue. Decisions only: `faulty-device.ts` and the simulation carry them out.
 *
 * Draws from the `Random` that it is given and from nothing else, so that a seed replays every decision.
 */
import type { Random } from '../../random.js';

/** All probabilities are 0..1, for one frame. */
export interface Faults {
  readonly loss: number;
  /**
   * Bursts (Gilbert-Elliott): the link turns bad with `enter`, good again with `leave`; while it is bad it loses with
   * `loss`.
   */
  readonly burst: { readonly enter: number; readonly leave: number; readonly loss: number } | undefined;
  /** The frame comes twice. */
  readonly duplicate: number;
  /** One bit of the frame is flipped. */
  readonly corrupt: number;
  /** The frame is held back by `reorderDelay` ms while later ones pass. */
  readonly reorder: number;
  readonly reorderDelay: number;
  /** Milliseconds that each frame is under way, and what may be added to that (uniform; the order is kept). */
  readonly delay: number;
  readonly jitter: number;
  /** Bytes a millisecond (125 is 1 Mbit/s), 0: without limit; and the bytes that may wait for it. */
  readonly rate: number;
  readonly queue: number;
}

export const NO_FAULTS: Faults = {
  loss: 0,
  burst: undefined,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  reorderDelay: 2,
  delay: 0,
  jitter: 0,
  rate: 0,
  queue: 64 * 1024,
};

/** Why a frame did not come through untouched; what the simulation shrinks and reports. */
export const FATE_CLEAN = 0;
export const FATE_LOST = 1;
export const FATE_QUEUE_FULL = 2;
export const FATE_DUPLICATED = 4;
export const FATE_CORRUPTED = 8;
export const FATE_REORDERED = 16;

/** A number in [0, 1) out of 32 random bits. */
function unit(random: Random): number {
  return (random.random32() >>> 0) / 0x1_0000_0000;
}

/** A burst ends after this time, too, ms. Else a sender that backs off would meet the same burst for minutes. */
const LONGEST_BURST = 200;

/** One direction of one link. */
export class Impairment {
  faults: Faults;
  /** Of the last frame: its `FATE_` bits, how many copies arrive, and how many milliseconds after it was sent. */
  fate = FATE_CLEAN;
  copies = 0;
  readonly after = new Float64Array(2);
  private bad = false;
  private badSince = 0;
  /** When the rate limiter is done with what it has; when the last frame that was not reordered arrives. */
  private busyUntil = 0;
  private lastArrival = 0;

  constructor(faults: Faults) {
    this.faults = faults;
  }

  /**
   * Decides about a frame of `bytes` bytes that is sent at `now` (ms): sets `fate`, `copies`, `after`. `forgive`:
   * random faults are drawn but not carried out; delay, rate and queue still hold.
   */
  decide(bytes: number, now: number, random: Random, forgive = false): void {
    const faults = this.faults;
    // Every frame draws the same number of times, whatever became of it.
    const lost = unit(random) < faults.loss;
    const turn = unit(random);
    const burstLoss = unit(random);
    const twice = unit(random) < faults.duplicate;
    const flipped = unit(random) < faults.corrupt;
    const held = unit(random) < faults.reorder;
    const jitter = unit(random) * faults.jitter;
    this.copies = 0;
    this.fate = FATE_CLEAN;
    const burst = faults.burst;
    if (this.bad && now - this.badSince > LONGEST_BURST) this.bad = false;
    else if (burst !== undefined && turn < (this.bad ? burst.leave : burst.enter)) {
      this.bad = !this.bad;
      this.badSince = now;
    }
    const inBurst = burst !== undefined && this.bad && burstLoss < burst.loss;

    let leaves = now;
    if (faults.rate > 0) {
      const start = Math.max(now, this.busyUntil);
      if ((start - now) * faults.rate + bytes > faults.queue && start > now) {
        this.fate = FATE_QUEUE_FULL;
        return;
      }
      leaves = start + bytes / faults.rate;
      this.busyUntil = leaves;
    }
    if ((lost || inBurst) && !forgive) {
      this.fate = FATE_LOST;
      return;
    }
    let arrives = leaves + faults.delay + jitter;
    if (held && !forgive) {
      this.fate |= FATE_REORDERED;
      arrives += faults.reorderDelay;
    } else {
      arrives = Math.max(arrives, this.lastArrival);
      this.lastArrival = arrives;
    }
    this.after[0] = arrives - now;
    this.copies = 1;
    if (twice && !forgive) {
      this.fate |= FATE_DUPLICATED;
      this.after[1] = arrives - now;
      this.copies = 2;
    }
    if (flipped && !forgive) this.fate |= FATE_CORRUPTED;
  }
}

/**
 * What arrives of a frame that a bad cable corrupted: a copy in which one bit that was 0 is 1, which every checksum of
 * TCP, UDP, ICMP and IPv4 detects, also when it happens on several cables: powers of two add up to no multiple of
 * 65535, whereas flips of both directions cancel out. Undefined where nothing in the frame could detect it: on a real
 * Ethernet the frame check sequence would, and the frame is lost.
 */
export function corrupted(frame: Uint8Array, random: Random): Uint8Array | undefined {
  const bits = frame.length * 8;
  const from = (random.random32() >>> 0) % bits;
  if (frame.length < 34 || frame[12] !== 0x08 || frame[13] !== 0x00) return undefined;
  for (let i = 0; i < bits; i++) {
    const bit = (from + i) % bits;
    if ((frame[bit >>> 3] & (1 << (bit & 7))) !== 0) continue;
    const copy = frame.slice();
    copy[bit >>> 3] |= 1 << (bit & 7);
    return copy;
  }
  return undefined;
}
