/**
 * What the transports (TCP, UDP, ICMP) ask of the IP layer below them, so that neither imports the other.
 *
 * IPv4 addresses are int32 numbers inside the stack (`(a << 24) | (b << 16) | (c << 8) | d`, signed: they stay small
 * integers in V8 and key typed arrays); text exists only at the edge.
 */
import type { Offload } from '../device/device.js';
import type { TxFrame } from '../device/tx-frame.js';
import type { Ipv4 } from '../wire/address.js';

export type { Ipv4 };

/** RFC 3168: the two ECN bits of the TOS byte. */
export const ECN_NOT_ECT = 0;
export const ECN_ECT1 = 1;
export const ECN_ECT0 = 2;
export const ECN_CE = 3;

/**
 * Where to, as the IP layer remembers it between two packets of one connection: opaque to the transport, which keeps
 * one and hands it back. `undefined` to begin with.
 */
export interface Route {
  readonly destination: Ipv4;
  /** The most bytes that were acknowledged from there lately, a segment's at most, and when (ms): for these the path is no black hole. */
  passed: number;
  passedAt: number;
}

export interface IpOutput {
  readonly tx: TxFrame;
  readonly offload: Offload;
  /** Remembers the way to `destination`; undefined when there is none (no address, no gateway). */
  route(destination: Ipv4): Route | undefined;
  /** Largest IP packet to there now, in bytes: the device's MTU, DHCP's option 26, or what path-MTU discovery found. */
  pathMtu(route: Route): number;
  /** RFC 4821-like black-hole suspicion: full-sized segments vanish while small ones pass. Lowers `pathMtu`. */
  suspectBlackHole(route: Route): void;
  /** The MTU of the link itself: what others may send to us (RFC 6691). */
  readonly linkMtu: number;
  /** Nothing comes back from there (RFC 9293 3.8.3, R1): the next hop is asked for anew. */
  doubt(route: Route): void;
  /** The peer made progress through this neighbour: RFC 1122 2.3.2.1, no ARP refresh is needed. */
  confirm(route: Route): void;
  /**
   * Sends what `tx` holds from `TRANSPORT_OFFSET` on as one IPv4 datagram: the caller has set `tx.length` (from the Ethernet
   * header on), pieces, checksum and segmentation marks; this writes the Ethernet and IP headers and transmits. While
   * the neighbour is being resolved the packet is kept (bounded) as a copy. `df`: RFC 1191; not heeded where a link on the way
   * is so narrow that packets of ours must be cut. Packets larger than the path
   * MTU without `df` are cut into fragments. `tos`: DSCP and ECN. `ttl`: the stack's unless given. False: dropped (and counted with a reason).
   */
  send(route: Route, source: Ipv4, protocol: number, df: boolean, tos: number, ttl?: number): boolean;
}
