/** What is known of one neighbour on the link, and its state of reachability (RFC 4861 7.3.2). */
import type { Ipv6Bytes } from '../../wire/ipv6.js';

/** No address on the link is known. `FAILED`: it was asked for in vain. */
export const FAILED = 0;
export const INCOMPLETE = 1;
/** One is known. */
export const REACHABLE = 2;
export const STALE = 3;
export const DELAY = 4;
export const PROBE = 5;

export class Neighbour6 {
  readonly mac = new Uint8Array(6);
  state: number = FAILED;
  /** RFC 4861 7.3: as its advertisements say. */
  router = false;
  /** REACHABLE until then, ms. */
  until = Number.NEGATIVE_INFINITY;
  /** Solicitations since the last answer; when the next is due. */
  tries = 0;
  due = Number.POSITIVE_INFINITY;
  /** Failures in a row; it is not asked for again before `retryAt`. */
  failures = 0;
  retryAt = Number.NEGATIVE_INFINITY;
  /** Whole frames without their destination. */
  queue: Uint8Array[] | undefined = undefined;

  constructor(
    /** Good while the table has it; `address` always is. */
    public handle: number,
    readonly address: Ipv6Bytes,
  ) {}
}
