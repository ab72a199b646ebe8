/** The IPv6 header (RFC 8200 3) as it is written. */
import { IPV6_OFFSET } from '../../device/tx-frame.js';
import { DESTINATION_AT, SOURCE_AT } from '../../wire/ipv6.js';
import type { Link6 } from './link.js';

/** What a header says beside addresses. */
export interface Header6 {
  /** Bytes behind the header. */
  readonly payload: number;
  readonly next: number;
  readonly hops: number;
  /** DSCP and ECN. */
  readonly traffic: number;
  /** 20 bits. */
  readonly label: number;
}

/** Writes it into the frame under construction. */
export function writeHeader({ tx, peers }: Link6, source: number, destination: number, header: Header6): void {
  const { view } = tx;
  const at = IPV6_OFFSET;
  const { payload, next, hops, traffic, label } = header;
  view.setInt32(at, 0x6000_0000 | (traffic << 20) | label);
  view.setUint16(at + 4, payload);
  view.setUint16(at + 6, (next << 8) | hops);
  writeAddress(view, at + SOURCE_AT, peers, source);
  writeAddress(view, at + DESTINATION_AT, peers, destination);
}

function writeAddress(view: DataView, at: number, peers: Link6['peers'], address: number): void {
  view.setInt32(at, peers.word(address, 0));
  view.setInt32(at + 4, peers.word(address, 1));
  view.setInt32(at + 8, peers.word(address, 2));
  view.setInt32(at + 12, peers.word(address, 3));
}
