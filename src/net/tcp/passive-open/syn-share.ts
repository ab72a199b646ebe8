/**
 * Which SYNs are answered while more come than can be answered. An answer costs several times what a look at the SYN
 * costs: a flood would have the processor write frames, while those of established connections wait, or are lost
 * before they are read.
 *
 * Beyond a rate a SYN gets no answer, and a few bits of its hash are remembered. The client's TCP sends it again a
 * second later (RFC 6298 2, 5.7), with the same number, and then it is answered. Such SYNs have a rate of their own,
 * for which those that never come again cannot compete. A flood that sends each of its SYNs twice gets that second
 * rate, too.
 */
import { TokenBucket } from '../../ip/contracts/token-bucket.js';

/** Of the SYNs of a second, those that may come at once; SYNs that come again have a rate of a fifth. */
const AT_ONCE = 5;
const REPEATS = 5;
/** Hashes that are remembered, 4 bytes each. In a flood nine of ten of them are still there after some seconds. */
const PLACES = 1 << 19;
/** Milliseconds of a unit of age; 8 bits of a place count them. */
const UNIT = 125;
/** Units after which a SYN is one that comes again: no TCP sends it sooner. */
const SOONEST = 2;
/** Units after which it is another one: 1 + 2 + 4 s, and some more. */
const LATEST = 80;

export class SynShare {
  private readonly first: TokenBucket;
  private readonly again: TokenBucket;
  /** By hash, the newer one in place of the older: its upper 24 bits, and 8 bits of time. Made when a flood comes. */
  private places: Uint32Array | undefined;

  /** `rate`: SYNs a second. */
  constructor(rate: number) {
    this.first = new TokenBucket(rate, rate / AT_ONCE);
    this.again = new TokenBucket(rate / REPEATS, rate / REPEATS / AT_ONCE);
  }

  /** Whether a SYN is answered without a look at what it is. */
  admits(now: number): boolean {
    return this.first.take(now);
  }

  /** One that `admits` refused: whether it came before. `hash`: of its four-tuple and its number, keyed. */
  comesAgain(hash: number, now: number): boolean {
    this.places ??= new Uint32Array(PLACES);
    const place = hash & (PLACES - 1);
    // The lowest bit is always set: a place of zero is a free one.
    const name = (hash | 0x100) & 0xffff_ff00;
    const time = Math.floor(now / UNIT) & 0xff;
    const there = this.places[place];
    const age = (time - there) & 0xff;
    if ((there & 0xffff_ff00) === name && age <= LATEST) return age >= SOONEST && this.again.take(now);
    this.places[place] = name | time;
    return false;
  }
}
