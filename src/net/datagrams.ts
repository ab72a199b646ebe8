/**
 * The contract for datagrams beside `Network`: ports are bound, datagrams come as views and go as slices, of both
 * families. Neither side
 * knows whether the kernel's sockets or our own stack carries them.
 */
import type { Endpoint } from './flow.js';

/** An address and a port as numbers. What a call hands over is used again after it: copy what is to stay. */
export interface DatagramAddress {
  /** `bytes[0..length)` in network order. */
  readonly bytes: Uint8Array;
  /** 4: IPv4, 16: IPv6, 0: unknown. */
  length: 0 | 4 | 16;
  /** 0 to 65535. */
  port: number;
  /** Of a link-local IPv6 address, the number of its interface; else 0. */
  scope: number;
}

/** One that came. All of it is valid during the call only. */
export interface Datagram {
  /** The payload is `bytes[start..end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly source: DatagramAddress;
  /**
   * The address that the datagram was sent to, for answers that must come from there; `length` 0 where the network does
   * not know it.
   */
  readonly local: DatagramAddress;
}

export type OnDatagram = (port: DatagramPort, datagram: Datagram) => void;

export interface DatagramPort {
  readonly endpoint: Endpoint;
  /**
   * Sends `bytes[start..end)`, at most 65,507 bytes, which are taken during the call. `from`: one of our addresses,
   * else what suits the
   * way. False: it was dropped here, because there is no way or no room.
   */
  send(bytes: Uint8Array, start: number, end: number, to: DatagramAddress, from?: DatagramAddress): boolean;
  close(): void;
}

export interface Datagrams {
  /**
   * `port` 0 lets the network choose. Rejects with an `Error` whose message is for people (port in use, no right).
   * Datagrams that come
   * faster than they are taken are lost, as anywhere.
   */
  bind(port: number, onDatagram: OnDatagram): Promise<DatagramPort>;
}

export function datagramAddress(): DatagramAddress {
  return { bytes: new Uint8Array(16), length: 0, port: 0, scope: 0 };
}

/** Copies `from` over `to`. */
export function copyAddress(to: DatagramAddress, from: DatagramAddress): void {
  to.bytes.set(from.bytes);
  to.length = from.length;
  to.port = from.port;
  to.scope = from.scope;
}

/** Whether address and port are the same. */
export function isSameAddress(a: DatagramAddress, b: DatagramAddress): boolean {
  if (a.length !== b.length || a.port !== b.port) return false;
  for (let i = 0; i < a.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}
