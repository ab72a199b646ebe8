/** The IPv6 header (RFC 8200 3) as it is written. */
import { IPV6_OFFSET } from '../../device/tx-frame.js';
import { DESTINATION_AT, SOURCE_AT } from '../../wire/ipv6.js';
import { putUint16 } from '../../wire/tcp.js';
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
  const { head } = tx;
  const at = IPV6_OFFSET;
  const { payload, next, hops, traffic, label } = header;
  head[at] = 0x60 | (traffic >> 4);
  head[at + 1] = ((traffic & 15) << 4) | (label >> 16);
  putUint16(head, at + 2, label & 0xffff);
  putUint16(head, at + 4, payload);
  head[at + 6] = next;
  head[at + 7] = hops;
  peers.write(source, head, at + SOURCE_AT);
  peers.write(destination, head, at + DESTINATION_AT);
}
