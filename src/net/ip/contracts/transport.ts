/**
 * What the stack asks of a transport that it hosts (TCP, UDP): the counterpart of `IpOutput`. The stack imports the
 * transports; they know it by these two contracts only.
 *
 * Every entry carries `now` (milliseconds, monotonic, with a fraction). A transport reads no clock: what it does
 * between two entries (a handler that writes) happens at the `now` of the entry it runs in.
 */
import type { Handle } from './ip-output.js';

export interface Transport {
  /** 6 TCP, 17 UDP. */
  readonly protocol: number;
  /**
   * One segment `bytes[start..end)`; its IP header, of either family, begins at `ip`. The IP header was checked, the
   * datagram is whole and for us. `marks` as in `device.ts`. `broadcast`: the destination was a broadcast or multicast
   * address. `tos`: DSCP and ECN.
   */
  input(
    bytes: Uint8Array,
    ip: number,
    start: number,
    end: number,
    source: Handle,
    destination: Handle,
    marks: number,
    broadcast: boolean,
    tos: number,
    now: number,
  ): void;
  /**
   * An ICMP error about a datagram of ours: type and code as ICMPv4 has them (what ICMPv6 says is put into these
   * words), next-hop MTU (type 3 code 4, else 0) and what was returned of our datagram, `bytes[ip..end)` from its IP
   * header on (at least 8 bytes of the transport's header). The transport validates it against its own state (RFC 5927)
   * before it believes it; it answers whether it did.
   */
  error(type: number, code: number, mtu: number, bytes: Uint8Array, ip: number, end: number, now: number): boolean;
  /** Does what is due; answers when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
  /** A batch of frames is through: what was held back to ride with others leaves now. */
  flush(now: number): void;
  /** The address is not ours any more: connections on it end with `address-lost`. */
  addressLost(address: Handle, now: number): void;
}
