/**
 * What the transports (TCP, UDP, ICMP) ask of the IP layer below them, so that neither imports the other.
 *
 * An address is one int32 inside the transports, a handle. IPv4's handle is the address itself
 * (`(a << 24) | (b << 16) | (c << 8) | d`, signed: it stays a small integer in V8 and keys typed arrays). IPv6's handle
 * is an index, from 1 to 0xffffff, into the IP layer's table of peers: as an IPv4 address it would lie in 0.0.0.0/8,
 * which no host has (RFC 1122 3.2.1.3), so both families share every table of the transports. Only the IP layer looks
 * inside. Text exists only at the edge.
 */
import type { Offload } from '../../device/device.js';
import type { TxFrame } from '../../device/tx-frame.js';
import type { Ipv4 } from '../../wire/address.js';

export type { Ipv4 };
/** An address of either family. */
export type Handle = number;

/** Whether a handle is one of an IPv6 address. */
export function isIpv6(address: Handle): boolean {
  return (address - 1) >>> 0 < 0xff_ffff;
}

/** Bytes of an IP and a TCP header without options towards this address. */
export function headersTo(address: Handle): number {
  return isIpv6(address) ? 60 : 40;
}

/**
 * The addresses behind handles. A handle of IPv6 stays what it is as long as something holds it, and until the frame is
 * dealt with that it came in; one of IPv4 always does.
 */
export interface Peers {
  /** Keeps an IPv6 handle. */
  hold(address: Handle): void;
  /** The counterpart of `hold`. */
  drop(address: Handle): void;
  /**
   * 32 bits of the whole address by the keyed function `hash`; IPv4: the address. The same in every program that has
   * the key.
   */
  digest(address: Handle, hash: WordHash): number;
  /** RFC 5952, or a dotted quad. */
  text(address: Handle): string;
  /** The handle of an address in text, for as long as it is held; undefined: it is no address, or there is no room. */
  fromText(text: string): Handle | undefined;
}

/** 32 pseudo-random bits of four words. */
export interface WordHash {
  of(a: number, b: number, c: number, d: number): number;
}

/** What has the time of the entry that runs, ms: a fraction that is handed on is a new object each time. */
export interface Moment {
  readonly now: number;
}

/** RFC 3168: the two ECN bits of the TOS byte. */
export const ECN_NOT_ECT = 0;
export const ECN_ECT0 = 2;
export const ECN_CE = 3;

/**
 * Where to, as the IP layer remembers it between two packets of one connection: opaque to the transport, which keeps
 * one and hands it back. `undefined` to begin with.
 */
export interface Route {
  readonly destination: Handle;
  /**
   * The most bytes that were acknowledged from there lately, a segment's at most, and when (ms): for these the path
   * is no black hole.
   */
  passed: number;
  passedAt: number;
}

export interface IpOutput {
  readonly tx: TxFrame;
  readonly offload: Offload;
  readonly peers: Peers;
  /** Remembers the way to `destination`; undefined when there is none (no address, no gateway). */
  route(destination: Handle): Route | undefined;
  /** Largest IP packet to there now, in bytes: the device's MTU, DHCP's option 26, or what path-MTU discovery found. */
  pathMtu(route: Route): number;
  /** RFC 4821-like black-hole suspicion: full-sized segments vanish while small ones pass. Lowers `pathMtu`. */
  suspectBlackHole(route: Route): void;
  /** The MTU of the link itself for the family of `address`: what others may send to us (RFC 6691). */
  linkMtu(address: Handle): number;
  /** The sum over the pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1), not folded; `length` in bytes. */
  pseudo(local: Handle, remote: Handle, protocol: number, length: number): number;
  /** A multicast address. */
  isGroup(address: Handle): boolean;
  /**
   * Where the transport's header begins in the datagram `bytes[ip..end)`, of either family; -1: it is not there. A
   * datagram that was quoted may end early.
   */
  transportAt(bytes: Uint8Array, ip: number, end: number): number;
  /** The addresses of a datagram whose header is whole. 0: there is no room for another peer. */
  sourceOf(bytes: Uint8Array, ip: number): Handle;
  destinationOf(bytes: Uint8Array, ip: number): Handle;
  /**
   * Nothing comes back from there (RFC 9293 3.8.3, R1): the next hop is asked for anew. `handshake`: nothing ever did,
   * which says little of the next hop. So it is asked for only where another router could take its place.
   */
  doubt(route: Route, handshake?: boolean): void;
  /** The peer made progress through this neighbour: RFC 1122 2.3.2.1, no ARP refresh is needed. */
  confirm(route: Route): void;
  /**
   * Sends what `tx` holds from `TRANSPORT_OFFSET` on as one datagram: the caller has set `tx.length` (from the Ethernet
   * header of an IPv4 frame on), pieces, checksum and segmentation marks, and `tx.dontFragment`, `tx.tos` and `tx.ttl`;
   * this writes the Ethernet and IP headers and transmits. While the neighbour is being resolved the packet is kept
   * (bounded) as a copy. `tx.dontFragment` is not heeded where a link on the way is so narrow that packets of ours must
   * be cut. Packets larger than the path MTU without it are cut into fragments. False: dropped (and counted with a
   * reason).
   */
  send(route: Route, source: Handle, protocol: number): boolean;
}
