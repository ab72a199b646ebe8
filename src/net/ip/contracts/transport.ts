/**
 * What the stack asks of a transport that it hosts (TCP, UDP): the counterpart of `IpOutput`. The stack imports the
 * transports; they know it by these two contracts only.
 *
 * Every entry carries `now` (milliseconds, monotonic, with a fraction). A transport reads no clock: what it does
 * between two entries (a handler that writes) happens at the `now` of the entry it runs in.
 */
import type { Datagram, IcmpError } from './datagram.js';
import type { Handle } from './ip-output.js';

export interface Transport {
  /** 6 TCP, 17 UDP. */
  readonly protocol: number;
  /** One segment. `datagram` is valid during the call. */
  input(datagram: Datagram): void;
  /**
   * An ICMP error about a datagram of ours, which it quotes with at least 8 bytes of the transport's header. The
   * transport validates it against its own state (RFC 5927) and acts upon it; returns whether it believed it.
   */
  believes(error: IcmpError): boolean;
  /** The path's MTU, which a believed error named, has been lowered: the new value is in force (RFC 1191 6.4). */
  pathMtuLowered(error: IcmpError): void;
  /** The link takes smaller packets than before, on every path. */
  linkMtuLowered(now: number): void;
  /** Does what is due; returns when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
  /** A batch of frames is through: what was held back to ride with others leaves now. */
  flush(now: number): void;
  /** The address is not ours any more: connections on it end with `address-lost`. */
  addressLost(address: Handle, now: number): void;
}
