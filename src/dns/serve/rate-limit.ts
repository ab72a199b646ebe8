/**
 * How many answers a network gets over UDP, where source addresses can be forged: without a bound a name server
 * amplifies what an attacker sends to a victim. Each /24 and /56 has a bucket for each class of answers. Beyond it
 * every second answer is an empty one that asks to come over TCP, and the others are dropped. The table has a fixed
 * size.
 */
import type { DatagramAddress } from '../../net/datagrams.js';
import { KeyedHash } from '../../net/keyed-hash.js';
import type { Random } from '../../net/random.js';

export const PASS = 0;
/** An empty answer with TC. */
const SLIP = 1;
export const DROP = 2;

/** Entries, and of how many of them one may be replaced by another network: the one that was used longest ago. */
const ENTRIES = 1 << 16;
const WAYS = 4;
/** Seconds of the rate that an unused bucket saves. */
const BURST = 1;

export class RateLimit {
  private readonly hash: KeyedHash;
  private readonly keys = new Int32Array(ENTRIES);
  private readonly tokens = new Float64Array(ENTRIES);
  /** ms; 0: unused. */
  private readonly times = new Float64Array(ENTRIES);
  private readonly slips = new Uint8Array(ENTRIES);

  /** Of a bucket that is full: below one token no answer would ever leave. */
  private readonly most: number;

  /** `rate`: answers a second, above 0. */
  constructor(
    private readonly rate: number,
    random: Random,
  ) {
    this.hash = new KeyedHash(random);
    this.most = Math.max(1, rate * BURST);
  }

  /** What becomes of an answer of a class to a client at `now`, ms: one of the three above. */
  take(client: DatagramAddress, answerClass: number, now: number): number {
    const { tokens, times, rate, most } = this;
    const at = this.entry(client, answerClass, now);
    tokens[at] = Math.min(most, tokens[at] + ((now - times[at]) * rate) / 1000);
    times[at] = now;
    if (tokens[at] >= 1) {
      tokens[at] -= 1;
      return PASS;
    }
    this.slips[at] ^= 1;
    return this.slips[at] === 1 ? SLIP : DROP;
  }

  private entry(client: DatagramAddress, answerClass: number, now: number): number {
    const { keys, times } = this;
    const key = this.key(client, answerClass);
    const first = (key & (ENTRIES / WAYS - 1)) * WAYS;
    let oldest = first;
    for (let i = first; i < first + WAYS; i++) {
      if (keys[i] === key && times[i] !== 0) return i;
      if (times[i] < times[oldest]) oldest = i;
    }
    keys[oldest] = key;
    times[oldest] = now;
    this.tokens[oldest] = this.most;
    this.slips[oldest] = 0;
    return oldest;
  }

  private key({ bytes, length }: DatagramAddress, answerClass: number): number {
    const high = (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8);
    if (length === 4) return this.hash.of(high, 0, 4, answerClass);
    const low = (bytes[4] << 24) | (bytes[5] << 16) | (bytes[6] << 8);
    return this.hash.of(high | bytes[3], low, 16, answerClass);
  }
}
