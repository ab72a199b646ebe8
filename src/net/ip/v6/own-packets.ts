/**
 * Packets of neighbour and multicast listener discovery: to one Ethernet address that is known, without a route. The
 * body lies in the frame from `TRANSPORT_OFFSET` on.
 */
import { HEADROOM_IPV6, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { addWords, fold } from '../../wire/checksum.js';
import { ETHERTYPE_IPV6 } from '../../wire/ethernet.js';
import { HOP_BY_HOP, ICMPV6, multicastMac } from '../../wire/ipv6.js';
import { putInt32, putUint16 } from '../../wire/tcp.js';
import { writeHeader } from './header.js';
import type { Link6 } from './link.js';

/** Bytes of the hop-by-hop header with a router alert. */
const ROUTER_ALERT = 8;

export class OwnPackets {
  private readonly groupMac = new Uint8Array(6);

  constructor(private readonly link: Link6) {}

  /** Begins a message of `type` and `length` bytes, all of them zero; returns where it lies in `tx.head`. */
  begin(type: number, length: number): number {
    const { tx } = this.link;
    tx.reset();
    tx.first = HEADROOM_IPV6;
    tx.head.fill(0, TRANSPORT_OFFSET, TRANSPORT_OFFSET + length);
    tx.head[TRANSPORT_OFFSET] = type;
    return TRANSPORT_OFFSET;
  }

  /** Sends the message. `mac`: the receiver on the link; undefined: the group that `destination` is. */
  send(source: number, destination: number, length: number, mac?: Uint8Array): void {
    const { link } = this;
    const { tx } = link;
    this.checksum(source, destination, TRANSPORT_OFFSET, length);
    tx.length = TRANSPORT_OFFSET + length - tx.first;
    writeHeader(link, source, destination, { payload: length, next: ICMPV6, hops: 255, traffic: 0, label: 0 });
    link.transmit(mac ?? this.macOf(destination), ETHERTYPE_IPV6);
  }

  /** Sends an MLD message of `length` bytes: one hop, with a router alert (RFC 2711, RFC 3810 5). */
  sendWithAlert(source: number, destination: number, length: number): void {
    const { link } = this;
    const { tx } = link;
    const { head } = tx;
    const at = TRANSPORT_OFFSET;
    this.checksum(source, destination, at, length);
    head.copyWithin(at + ROUTER_ALERT, at, at + length);
    // Next header, length 0 (8 bytes), router alert: MLD, two bytes of padding.
    putInt32(head, at, (ICMPV6 << 24) | 0x0502);
    putInt32(head, at + 4, 0x00000100);
    tx.length = at + ROUTER_ALERT + length - tx.first;
    const header = { payload: ROUTER_ALERT + length, next: HOP_BY_HOP, hops: 1, traffic: 0, label: 0 };
    writeHeader(link, source, destination, header);
    link.transmit(this.macOf(destination), ETHERTYPE_IPV6);
  }

  private checksum(source: number, destination: number, at: number, length: number): void {
    const { tx, peers } = this.link;
    putUint16(tx.head, at + 2, 0);
    const pseudo = peers.sumOf(source) + peers.sumOf(destination) + ICMPV6 + length;
    putUint16(tx.head, at + 2, ~fold(addWords(pseudo, tx.head, at, at + length)) & 0xffff);
  }

  private macOf(group: number): Uint8Array {
    multicastMac(this.link.peers.bytes(group), 0, this.groupMac);
    return this.groupMac;
  }
}
