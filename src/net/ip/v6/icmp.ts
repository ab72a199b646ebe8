/** ICMPv6 (RFC 4443): echo, the errors that we send, and the errors that others send us. */
import { Memory } from '../../../memory/memory.js';
import { HEAD_SIZE, HEADROOM, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { dropReason } from '../../drops.js';
import { addWords, fold } from '../../wire/checksum.js';
import {
  DESTINATION_UNREACHABLE,
  ECHO_REPLY_6,
  ECHO_REQUEST_6,
  FIRST_INFORMATIONAL,
  INCOMPLETE_CHAIN,
  PACKET_TOO_BIG,
  PARAMETER_PROBLEM_6,
  REDIRECT,
  TIME_EXCEEDED_6,
  UNRECOGNIZED_NEXT_HEADER,
  UNRECOGNIZED_OPTION,
} from '../../wire/icmpv6.js';
import {
  DESTINATION_AT,
  ICMPV6,
  IPV6_HEADER,
  IPV6_MIN_MTU,
  isMulticast6,
  isUnspecified,
  SOURCE_AT,
} from '../../wire/ipv6.js';
import { int32At, putInt32, putUint16 } from '../../wire/tcp.js';
import type { IcmpError } from '../contracts/datagram.js';
import { ECN_NOT_ECT, type Route } from '../contracts/ip-output.js';
import { TokenBucket } from '../contracts/token-bucket.js';
import type { OwnAddresses } from './addresses.js';
import { upperLayer } from './extension-headers.js';
import { type Link6, OURS, type Packet6 } from './link.js';
import type { Ipv6Output } from './output.js';

const TYPE = dropReason('icmp-type-unknown');
const LIMITED = dropReason('icmp-rate-limited');
const MALFORMED = dropReason('icmp-error-malformed');
const NO_ROUTE = dropReason('ip-no-route');
const UNMATCHED = dropReason('icmp-error-unmatched');

/** Takes an error about a packet of ours to the transport that sent it. Returns whether the transport believed it. */
export type TransportError = (error: IcmpError) => boolean;

export class Icmpv6 {
  /** RFC 4443 2.4 (f): errors are limited. Echo has a bucket of its own, wide. */
  private readonly errors = new TokenBucket(100, 50);
  private readonly echoes = new TokenBucket(10_000, 10_000);

  constructor(
    private readonly link: Link6,
    private readonly addresses: OwnAddresses,
    private readonly output: Ipv6Output,
    private readonly transportError: TransportError,
  ) {}

  /** A message that is none of neighbour or listener discovery, its checksum right; it begins at `start`. */
  input({ bytes, ip, end }: Packet6, start: number, source: number): void {
    const { drops, now } = this.link;
    const type = bytes[start];
    if (type === ECHO_REQUEST_6) {
      if (!this.echoes.take(now)) return drops.count(LIMITED, bytes, ip, end);
      this.echo(bytes, ip, start, end, source);
    } else if (type >= FIRST_INFORMATIONAL) drops.count(TYPE, bytes, ip, end);
    else this.error(bytes, start, end);
  }

  /** RFC 4443 4.2: the same data back, from the address that was asked, or from one of ours when a group was. */
  private echo(bytes: Uint8Array, ip: number, start: number, end: number, source: number): void {
    const { link } = this;
    const { tx, peers } = link;
    const asked = peers.find(bytes, ip + DESTINATION_AT);
    const local = (peers.markOf(asked) & OURS) !== 0 ? asked : this.addresses.sourceFor(peers.bytes(source))?.handle;
    const route = this.output.route(source);
    if (route === undefined || local === undefined) return link.drops.count(NO_ROUTE, bytes, ip, end);
    const { head } = tx;
    const at = TRANSPORT_OFFSET;
    const length = end - start;
    tx.reset();
    head[at] = ECHO_REPLY_6;
    head[at + 1] = bytes[start + 1];
    const pseudo = peers.sumOf(local) + peers.sumOf(source) + ICMPV6 + length + (ECHO_REPLY_6 << 8) + bytes[start + 1];
    putUint16(head, at + 2, ~fold(addWords(pseudo, bytes, start + 4, end)) & 0xffff);
    const inHead = length <= HEAD_SIZE - at ? length : 8;
    head.set(bytes.subarray(start + 4, start + inHead), at + 4);
    tx.length = at + inHead - HEADROOM;
    if (inHead < length) tx.push(new Memory(bytes.slice(start + inHead, end)), 0, length - inHead);
    const traffic = ((bytes[ip] & 15) << 4) | (bytes[ip + 1] >> 4);
    tx.tos = (traffic & ~3) | ECN_NOT_ECT;
    this.output.send(route, local, ICMPV6);
  }

  /**
   * An error about a packet of ours (RFC 4443 2.4 (b)): to the transport that sent it, which knows whether to believe
   * it.
   */
  private error(bytes: Uint8Array, start: number, end: number): void {
    const { peers, drops } = this.link;
    const ip = start + 8;
    const upper = end - ip < IPV6_HEADER || bytes[ip] >> 4 !== 6 ? undefined : upperLayer(bytes, ip, end);
    if (upper === undefined || upper[0] + 8 > end) return drops.count(MALFORMED, bytes, start, end);
    const ours = (peers.markOf(peers.find(bytes, ip + SOURCE_AT)) & OURS) !== 0;
    const known = ours ? this.asIpv4(bytes, start) : undefined;
    if (
      known === undefined ||
      !this.transportError({ protocol: upper[1], ...known, bytes, ip, end, now: this.link.now })
    ) {
      drops.count(UNMATCHED, bytes, start, end);
    }
  }

  /** Type, code and MTU as ICMPv4 would say it; undefined: nothing that a transport has a use for. */
  private asIpv4(bytes: Uint8Array, start: number): Pick<IcmpError, 'type' | 'code' | 'mtu'> | undefined {
    const code = bytes[start + 1];
    switch (bytes[start]) {
      case DESTINATION_UNREACHABLE:
        // RFC 4443 3.1: no route, prohibited, beyond scope, address, port.
        return { type: 3, code: [0, 13, 0, 1, 3][code] ?? 0, mtu: 0 };
      case PACKET_TOO_BIG:
        return { type: 3, code: 4, mtu: Math.min(int32At(bytes, start + 4) >>> 0, 0xffff) };
      case TIME_EXCEEDED_6:
        return { type: 11, code, mtu: 0 };
      case PARAMETER_PROBLEM_6:
        // RFC 9293 3.9.2.2: a next header that is not known there is a protocol that cannot be reached.
        return code === UNRECOGNIZED_NEXT_HEADER ? { type: 3, code: 2, mtu: 0 } : { type: 12, code: 0, mtu: 0 };
      default:
        return undefined;
    }
  }

  /**
   * Sends an error about a packet; `parameter`: the pointer. Never about an error or a redirect, to a group (but for
   * those that RFC 4443 2.4 (e.3) excepts), or to an address that is no host's.
   */
  sendError({ bytes, ip, end, group }: Packet6, type: number, code: number, parameter = 0): void {
    const { link } = this;
    if (isUnspecified(bytes, ip + SOURCE_AT) || isMulticast6(bytes, ip + SOURCE_AT)) return;
    const excepted = type === PACKET_TOO_BIG || (type === PARAMETER_PROBLEM_6 && code === UNRECOGNIZED_OPTION);
    if ((group || isMulticast6(bytes, ip + DESTINATION_AT)) && !excepted) return;
    const upper = upperLayer(bytes, ip, end);
    if (upper?.[1] === ICMPV6) {
      const [at] = upper;
      // RFC 7112 5: a first fragment that ends before it is told so.
      const chain = type === PARAMETER_PROBLEM_6 && code === INCOMPLETE_CHAIN;
      if (at >= end ? !chain : bytes[at] < FIRST_INFORMATIONAL || bytes[at] === REDIRECT) return;
    }
    if (!this.errors.take(link.now)) return link.drops.count(LIMITED, bytes, ip, end);
    const source = link.peers.intern(bytes, ip + SOURCE_AT);
    const route: Route | undefined = source === 0 ? undefined : this.output.route(source);
    const asked = link.peers.find(bytes, ip + DESTINATION_AT);
    const ours = (link.peers.markOf(asked) & OURS) !== 0;
    const local = ours ? asked : this.addresses.sourceFor(link.peers.bytes(source))?.handle;
    if (route === undefined || local === undefined) return;
    const { tx } = link;
    const { head } = tx;
    const at = TRANSPORT_OFFSET;
    tx.reset();
    // RFC 4443 2.4 (c): as much of it as fits into the least MTU.
    const quoted = Math.min(end - ip, IPV6_MIN_MTU - IPV6_HEADER - 8);
    const length = 8 + quoted;
    putInt32(head, at, (type << 24) | (code << 16));
    putInt32(head, at + 4, parameter);
    head.set(bytes.subarray(ip, ip + quoted), at + 8);
    const pseudo = link.peers.sumOf(local) + link.peers.sumOf(source) + ICMPV6 + length;
    putUint16(head, at + 2, ~fold(addWords(pseudo, head, at, at + length)) & 0xffff);
    tx.length = at + length - HEADROOM;
    tx.tos = ECN_NOT_ECT;
    this.output.send(route, local, ICMPV6);
  }
}
