/** IPv6 packets that come in (RFC 8200): checked field by field, put together, handed to the upper layer. */
import { RX_PLAIN } from '../../device/device.js';
import { type Drops, dropReason } from '../../drops.js';
import { addWords, fold } from '../../wire/checksum.js';
import { ETHERNET } from '../../wire/ethernet.js';
import {
  ERRONEOUS_FIELD,
  INCOMPLETE_CHAIN,
  PARAMETER_PROBLEM_6,
  REASSEMBLY_TIME_CODE,
  TIME_EXCEEDED_6,
  UNRECOGNIZED_NEXT_HEADER,
} from '../../wire/icmpv6.js';
import {
  DESTINATION_AT,
  ICMPV6,
  IPV6_HEADER,
  isLoopback,
  isMapped,
  isMulticast6,
  isUnspecified,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from '../../wire/ipv6.js';
import { uint16At } from '../../wire/tcp.js';
import { Datagram } from '../contracts/datagram.js';
import type { Transport } from '../contracts/transport.js';
import {
  ExtensionHeaders,
  FRAGMENTED,
  MALFORMED,
  NOTHING,
  OPTION,
  PROBLEM,
  ROUTED,
  UPPER,
} from './extension-headers.js';
import type { Icmpv6 } from './icmp.js';
import { GROUP, type Link6, OURS, type Packet6 } from './link.js';
import { chainIsWhole, Ipv6Reassembly } from './reassembly.js';

const TRUNCATED = dropReason('ip-truncated');
const VERSION = dropReason('ip-version');
const TOTAL_LENGTH = dropReason('ip-total-length');
const MARTIAN = dropReason('ip-source-martian');
const NOT_FOR_US = dropReason('ip-not-for-us');
const PEERS_FULL = dropReason('ip-peer-table-full');
const HEADERS = dropReason('ip-extension-header');
const CHAIN = dropReason('ip-extension-chain');
const OPTIONS = dropReason('ip-option-unknown');
const ROUTING = dropReason('ip-routing-header');
const NO_NEXT = dropReason('ip-no-next-header');
const PROTOCOL = dropReason('ip-protocol-unknown');
const FRAGMENT_MALFORMED = dropReason('fragment-malformed');
const FRAGMENT_TOO_BIG = dropReason('fragment-too-big');
const ICMP_TRUNCATED = dropReason('icmp-truncated');
const ICMP_CHECKSUM = dropReason('icmp-checksum');

export interface Upper {
  /** TCP or UDP. */
  transport(protocol: number): Transport | undefined;
  /** An ICMPv6 message, its checksum right, which begins at `start` in the packet. */
  message(packet: Packet6, start: number, source: number): void;
  /** A packet whose destination is none of ours, of a frame that begins at `ethernet`. */
  passedBy(bytes: Uint8Array, ethernet: number, end: number): void;
}

/** A packet that is dealt with. */
interface Packet extends Packet6 {
  readonly marks: number;
}

export class Ipv6Input {
  private readonly reassembly: Ipv6Reassembly;
  private readonly headers = new ExtensionHeaders();
  private readonly datagram = new Datagram();
  private readonly drops: Drops;

  constructor(
    private readonly link: Link6,
    private readonly icmp: Icmpv6,
    private readonly upper: Upper,
  ) {
    this.drops = link.drops;
    this.reassembly = new Ipv6Reassembly(link.drops, (first) => {
      const packet = { bytes: first, ip: 0, end: first.length, group: false, fragmented: true };
      icmp.sendError(packet, TIME_EXCEEDED_6, REASSEMBLY_TIME_CODE);
    });
  }

  /** The packet of the frame `bytes[ethernet..frameEnd)`. `group`: the frame came to a group. */
  input(bytes: Uint8Array, ethernet: number, frameEnd: number, marks: number, group: boolean): void {
    const { drops } = this;
    const ip = ethernet + ETHERNET;
    if (frameEnd - ip < IPV6_HEADER) return drops.count(TRUNCATED, bytes, ethernet, frameEnd);
    if (bytes[ip] >> 4 !== 6) return drops.count(VERSION, bytes, ethernet, frameEnd);
    // Ethernet pads; what is beyond the payload is not ours. A jumbogram's 0 (RFC 2675) leaves nothing to look at.
    const end = ip + IPV6_HEADER + uint16At(bytes, ip + PAYLOAD_LENGTH_AT);
    if (end > frameEnd || end === ip + IPV6_HEADER) return drops.count(TOTAL_LENGTH, bytes, ethernet, frameEnd);
    const { peers } = this.link;
    const destination = peers.find(bytes, ip + DESTINATION_AT);
    const mark = peers.markOf(destination);
    if (mark === 0) {
      this.upper.passedBy(bytes, ethernet, end);
      return drops.count(NOT_FOR_US, bytes, ethernet, frameEnd);
    }
    const known = peers.find(bytes, ip + SOURCE_AT);
    if (this.isMartian(bytes, ip, known)) return drops.count(MARTIAN, bytes, ethernet, frameEnd);
    // What most packets are: a transport's header right behind ours.
    const protocol = bytes[ip + 6];
    const transport = this.upper.transport(protocol);
    if (transport === undefined || mark !== OURS) {
      this.walk({ bytes, ip, end, marks, group, fragmented: false });
      return;
    }
    const source = peers.intern(bytes, ip + SOURCE_AT, known);
    if (source === 0) return drops.count(PEERS_FULL, bytes, ethernet, frameEnd);
    const traffic = ((bytes[ip] & 15) << 4) | (bytes[ip + 1] >> 4);
    const { datagram } = this;
    datagram.lies(bytes, ip, ip + IPV6_HEADER, end, marks);
    transport.input(datagram.goes(source, destination, group, traffic, this.link.now));
  }

  /**
   * RFC 4291 2.5.2, 2.5.3, 2.7: no packet comes from a group, from the loopback address, from a mapped one, or from
   * ourselves. `known`: the handle of its source; 0: it has none.
   */
  private isMartian(bytes: Uint8Array, ip: number, known: number): boolean {
    const at = ip + SOURCE_AT;
    if (isMulticast6(bytes, at)) return true;
    if (bytes[at] === 0) {
      if (isLoopback(bytes, at) || isMapped(bytes, at)) return true;
      // A host without an address may look for one, and may do nothing else.
      if (isUnspecified(bytes, at)) return this.upper.transport(bytes[ip + 6]) !== undefined;
    }
    return (this.link.peers.markOf(known) & OURS) !== 0;
  }

  /** Walks the headers from the first one on. */
  private walk(packet: Packet): void {
    this.took(packet, this.headers.walk(packet));
  }

  private took(packet: Packet, outcome: number): void {
    const { headers, drops } = this;
    const { bytes, ip, end } = packet;
    switch (outcome) {
      case UPPER:
        return this.deliver(packet, headers.next, headers.at);
      case FRAGMENTED:
        return this.fragment(packet);
      case NOTHING:
        return drops.count(NO_NEXT, bytes, ip, end);
      case MALFORMED:
        return drops.count(CHAIN, bytes, ip, end);
      case PROBLEM:
        drops.count(HEADERS, bytes, ip, end);
        return this.problem(packet, headers.code, headers.pointer);
      case OPTION:
      case ROUTED:
        drops.count(outcome === OPTION ? OPTIONS : ROUTING, bytes, ip, end);
        if (headers.code >= 0) this.problem(packet, headers.code, headers.pointer);
    }
  }

  private problem(packet: Packet, code: number, pointer: number): void {
    this.icmp.sendError(packet, PARAMETER_PROBLEM_6, code, pointer);
  }

  private fragment(packet: Packet): void {
    const { headers, drops } = this;
    const { bytes, ip, end, fragmented } = packet;
    const { at: header, field } = headers;
    const start = header + 8;
    const word = uint16At(bytes, header + 2);
    const offset = word & 0xfff8;
    const more = (word & 1) !== 0;
    const length = end - start;
    // One in another would never end.
    if (fragmented) return drops.count(FRAGMENT_MALFORMED, bytes, ip, end);
    if (offset === 0 && !more) {
      // RFC 6946: whole by itself, whatever else is on its way under the same identification.
      this.took({ ...packet, fragmented: true }, headers.from(packet, start, header));
      return;
    }
    if (more && length % 8 !== 0) {
      drops.count(FRAGMENT_MALFORMED, bytes, ip, end);
      this.problem(packet, ERRONEOUS_FIELD, PAYLOAD_LENGTH_AT);
      return;
    }
    if (offset + length > 0xffff) {
      drops.count(FRAGMENT_TOO_BIG, bytes, ip, end);
      this.problem(packet, ERRONEOUS_FIELD, header + 2 - ip);
      return;
    }
    if (offset === 0 && !this.hasWholeChain(packet, header)) {
      drops.count(FRAGMENT_MALFORMED, bytes, ip, end);
      this.problem(packet, INCOMPLETE_CHAIN, 0);
      return;
    }
    if (length === 0) return drops.count(FRAGMENT_MALFORMED, bytes, ip, end);
    const whole = this.reassembly.add(packet, header, field, this.link.now);
    if (whole === undefined) return;
    const put = { bytes: whole, ip: 0, end: whole.length, marks: RX_PLAIN, group: packet.group, fragmented: true };
    // What stands before the fragment header was dealt with when the first fragment came.
    const { resumeAt, resumeField } = this.reassembly;
    this.took(put, headers.from(put, resumeAt, resumeField));
  }

  /** RFC 7112 5. */
  private hasWholeChain(packet: Packet, header: number): boolean {
    const { headers } = this;
    const outcome = headers.from(packet, header + 8, header);
    if (outcome === MALFORMED) return false;
    return outcome !== UPPER || chainIsWhole(headers.next, headers.at, packet.end);
  }

  private deliver(packet: Packet, protocol: number, start: number): void {
    const { drops, link } = this;
    const { bytes, ip, end, marks } = packet;
    const { peers } = link;
    const destination = peers.find(bytes, ip + DESTINATION_AT);
    const group = packet.group || peers.markOf(destination) === GROUP;
    if (protocol === ICMPV6) {
      if (end - start < 4) return drops.count(ICMP_TRUNCATED, bytes, ip, end);
      const source = peers.intern(bytes, ip + SOURCE_AT);
      if (source === 0) return drops.count(PEERS_FULL, bytes, ip, end);
      const pseudo = peers.sumOf(source) + peers.sumOf(destination) + ICMPV6 + end - start;
      if (fold(addWords(pseudo, bytes, start, end)) !== 0xffff) return drops.count(ICMP_CHECKSUM, bytes, ip, end);
      this.upper.message(packet, start, source);
      return;
    }
    const transport = this.upper.transport(protocol);
    if (transport === undefined) {
      drops.count(PROTOCOL, bytes, ip, end);
      // RFC 8200 4: where the field is that names it.
      this.problem(packet, UNRECOGNIZED_NEXT_HEADER, this.headers.field - ip);
      return;
    }
    // RFC 4291 2.5.2: nothing can be answered there.
    if (isUnspecified(bytes, ip + SOURCE_AT)) return drops.count(MARTIAN, bytes, ip, end);
    const source = peers.intern(bytes, ip + SOURCE_AT);
    if (source === 0) return drops.count(PEERS_FULL, bytes, ip, end);
    const traffic = ((bytes[ip] & 15) << 4) | (bytes[ip + 1] >> 4);
    const { datagram } = this;
    datagram.lies(bytes, ip, start, end, marks);
    transport.input(datagram.goes(source, destination, group, traffic, link.now));
  }

  poll(now: number): number {
    return this.reassembly.poll(now);
  }
}
