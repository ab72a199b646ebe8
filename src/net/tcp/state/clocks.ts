/**
 * The clocks of sequence numbers and timestamps. They go on in the next program, and keyed offsets hide from a peer how
 * long we have run.
 */
import { type Handle, isIpv6, type Moment, type Peers } from '../../ip/contracts/ip-output.js';
import type { KeyedHash } from '../../keyed-hash.js';

/** A connection's or a half-open one's share of the timestamp clock. */
interface Stamped {
  readonly tsOffset: number;
}

export class Clocks {
  /** Between the layer's `now` and the clocks, which outlive a program, ms. */
  offset = 0;

  /** `entry`: the layer, whose `now` is the time of the entry that runs. */
  constructor(
    private readonly entry: Moment,
    private readonly hash: KeyedHash,
    private readonly peers: Peers,
  ) {}

  /** RFC 6528 3: a clock of 4 µs and a keyed hash of the four-tuple. */
  initialSequence(local: Handle, remote: Handle, ports: number): number {
    const unique = this.hash.of(this.digest(local), this.digest(remote), ports, 0x15e9);
    return (Math.floor((this.entry.now + this.offset) * 250) + unique) | 0;
  }

  /**
   * 32 bits of an address, for keyed functions. For an IPv4 address: the address itself. For an IPv6 address: its keyed
   * hash.
   */
  digest(address: Handle): number {
    return isIpv6(address) ? this.peers.digest(address, this.hash) : address;
  }

  /** The offset of our timestamp clock towards this peer (RFC 7323 5.4). */
  timestampOffset(local: Handle, remote: Handle): number {
    return this.hash.of(this.digest(remote), this.digest(local), 0x7357, 0);
  }

  /** Our timestamp clock for a connection, ms (RFC 7323 5.4). */
  timestamp(c: Stamped, now: number): number {
    return (Math.floor(now + this.offset) + c.tsOffset) | 0;
  }

  /** The same at `now` of the layer: a fraction that is passed as an argument is a new object each time. */
  stamp(c: Stamped): number {
    return (Math.floor(this.entry.now + this.offset) + c.tsOffset) | 0;
  }
}
