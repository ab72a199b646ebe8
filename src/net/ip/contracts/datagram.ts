/** What IP hands to a transport: objects that are written anew for each datagram, and are valid during the call. */
import type { Handle } from './ip-output.js';

const NOTHING = new Uint8Array(0);

/**
 * A datagram for us, whole, its IP header checked: `bytes[start..end)` is the transport's, the IP header, of either
 * family, begins at `ip`.
 */
export class Datagram {
  bytes: Uint8Array = NOTHING;
  ip = 0;
  start = 0;
  end = 0;
  source: Handle = 0;
  destination: Handle = 0;
  /** As in `device.ts`. */
  marks = 0;
  /** The destination was a broadcast or multicast address. */
  broadcast = false;
  /** DSCP and ECN. */
  tos = 0;
  /** The `now` of the entry. */
  now = 0;

  /** Where it lies, and how it came. */
  lies(bytes: Uint8Array, ip: number, start: number, end: number, marks: number): this {
    this.bytes = bytes;
    this.ip = ip;
    this.start = start;
    this.end = end;
    this.marks = marks;
    return this;
  }

  /** Whom it is from and for. */
  goes(source: Handle, destination: Handle, broadcast: boolean, tos: number, now: number): this {
    this.source = source;
    this.destination = destination;
    this.broadcast = broadcast;
    this.tos = tos;
    this.now = now;
    return this;
  }
}

/** What an ICMP error is about: a datagram whose IP header begins at `ip`. */
export type Quoted = Pick<Datagram, 'bytes' | 'ip' | 'end'>;

/**
 * An ICMP error about a datagram of ours. Type and code are those of ICMPv4; what ICMPv6 says is put into these words.
 */
export interface IcmpError extends Quoted {
  /** The protocol of the datagram: 6 TCP, 17 UDP. */
  readonly protocol: number;
  readonly type: number;
  readonly code: number;
  /** The next hop's MTU, of type 3 code 4; else 0. */
  readonly mtu: number;
  /** The `now` of the entry. */
  readonly now: number;
}
