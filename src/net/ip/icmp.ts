/** ICMP (RFC 792, RFC 1122 3.2.2): echo, the errors that we send, and the errors that others send us. */

import { Memory } from '../../memory/memory.js';
import { HEAD_SIZE, HEADROOM, TRANSPORT_OFFSET } from '../device/tx-frame.js';
import { dropReason } from '../drops.js';
import { isMartian, isMulticast } from '../wire/address.js';
import { addWords, fold } from '../wire/checksum.js';
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  FRAGMENTATION_NEEDED,
  PARAMETER_PROBLEM,
  PROTOCOL_ICMP,
  TIME_EXCEEDED,
  UNREACHABLE,
} from '../wire/icmp.js';
import { int32At, putUint16, uint16At } from '../wire/tcp.js';
import type { IpContext } from './context.js';
import type { Datagram, Quoted } from './contracts/datagram.js';
import { ECN_NOT_ECT } from './contracts/ip-output.js';
import { TokenBucket } from './contracts/token-bucket.js';

const TRUNCATED = dropReason('icmp-truncated');
const CHECKSUM = dropReason('icmp-checksum');
const TYPE = dropReason('icmp-type-unknown');
const BROADCAST = dropReason('icmp-broadcast');
const LIMITED = dropReason('icmp-rate-limited');
const MALFORMED = dropReason('icmp-error-malformed');
const NO_ROUTE = dropReason('ip-no-route');
const UNMATCHED = dropReason('icmp-error-unmatched');

export class Icmp {
  /** RFC 1812 4.3.2.8: errors are limited. Echo has a bucket of its own, wide. */
  private readonly errors = new TokenBucket(100, 50);
  private readonly echoes = new TokenBucket(10_000, 10_000);

  constructor(private readonly stack: IpContext) {}

  input(datagram: Datagram): void {
    const { drops } = this.stack;
    const { bytes, start, end, now } = datagram;
    if (end - start < 8) return drops.count(TRUNCATED, bytes, start, end);
    if (fold(addWords(0, bytes, start, end)) !== 0xffff) return drops.count(CHECKSUM, bytes, start, end);
    const type = bytes[start];
    if (type === ECHO_REQUEST) {
      // RFC 1122 3.2.2.6 lets us be silent; an echo of a broadcast is how a smurf works.
      if (datagram.broadcast) return drops.count(BROADCAST, bytes, start, end);
      if (!this.echoes.take(now)) return drops.count(LIMITED, bytes, start, end);
      this.echo(datagram);
      return;
    }
    if (type === UNREACHABLE || type === TIME_EXCEEDED || type === PARAMETER_PROBLEM) {
      this.error(bytes, start, end, now);
      return;
    }
    // Source quench, redirects, timestamps and address masks are ignored (RFC 6633, 1122 3.2.2.2, 6918).
    drops.count(TYPE, bytes, start, end);
  }

  /**
   * RFC 792: the same data back, from the address that was asked, in the same class of service. The code is 0 in a
   * question; another one is returned as it came, since only the type is to be changed.
   */
  private echo({ bytes, start, end, source, destination, tos }: Datagram): void {
    const { stack } = this;
    const route = stack.route(source);
    if (route === undefined) return stack.drops.count(NO_ROUTE, bytes, start, end);
    const tx = stack.tx;
    const head = tx.head;
    const at = TRANSPORT_OFFSET;
    tx.reset();
    head[at] = ECHO_REPLY;
    head[at + 1] = bytes[start + 1];
    putUint16(head, at + 2, 0);
    const length = end - start;
    // Only the type has changed: RFC 1624 would do, but the data is in the cache anyway.
    const sum = fold(addWords(bytes[start + 1], bytes, start + 4, end));
    putUint16(head, at + 2, ~sum & 0xffff);
    if (length <= HEAD_SIZE - at) {
      head.set(bytes.subarray(start + 4, end), at + 4);
      tx.length = at + length - HEADROOM;
    } else {
      head.set(bytes.subarray(start + 4, start + 8), at + 4);
      tx.length = at + 8 - HEADROOM;
      tx.push(new Memory(bytes.slice(start + 8, end)), 0, length - 8);
    }
    tx.tos = (tos & ~3) | ECN_NOT_ECT;
    stack.send(route, destination, PROTOCOL_ICMP);
  }

  /** An error about a datagram of ours: to the transport that sent it, which knows whether to believe it. */
  private error(bytes: Uint8Array, start: number, end: number, now: number): void {
    const { stack } = this;
    const ip = start + 8;
    const header = end - ip >= 20 ? (bytes[ip] & 15) * 4 : 0;
    if (header < 20 || bytes[ip] >> 4 !== 4 || end - ip < header + 8 || (uint16At(bytes, ip + 6) & 0x1fff) !== 0) {
      return stack.drops.count(MALFORMED, bytes, start, end);
    }
    if (!stack.isOurs(int32At(bytes, ip + 12))) return stack.drops.count(UNMATCHED, bytes, start, end);
    const type = bytes[start];
    const code = bytes[start + 1];
    const mtu = type === UNREACHABLE && code === FRAGMENTATION_NEEDED ? uint16At(bytes, start + 6) : 0;
    if (!stack.transportError({ protocol: bytes[ip + 9], type, code, mtu, bytes, ip, end, now })) {
      stack.drops.count(UNMATCHED, bytes, start, end);
    }
  }

  /**
   * Sends an error about a datagram. RFC 1122 3.2.2: never about an error or a later fragment, and never to a source
   * address that is no single host's. The caller checks whether the datagram came to us alone.
   */
  sendError(type: number, code: number, { bytes, ip, end }: Quoted, parameter = 0): void {
    const { stack } = this;
    const source = int32At(bytes, ip + 12);
    const header = (bytes[ip] & 15) * 4;
    if (isMartian(source) || isMulticast(source) || (uint16At(bytes, ip + 6) & 0x1fff) !== 0) return;
    const inner = bytes[ip + header];
    if (
      bytes[ip + 9] === PROTOCOL_ICMP &&
      inner !== ECHO_REQUEST &&
      inner !== ECHO_REPLY &&
      inner !== 13 &&
      inner !== 15
    )
      return;
    if (!this.errors.take(stack.now)) return stack.drops.count(LIMITED, bytes, ip, end);
    const route = stack.route(source);
    const local = int32At(bytes, ip + 16);
    if (route === undefined || !stack.isOurs(local)) return;
    const tx = stack.tx;
    const at = TRANSPORT_OFFSET;
    tx.reset();
    // RFC 1812 4.3.2.3: as much of it as fits into 576 bytes.
    const quoted = Math.min(end - ip, 576 - 28);
    const head = tx.head;
    head.fill(0, at, at + 8);
    head[at] = type;
    head[at + 1] = code;
    head[at + 4] = parameter;
    head.set(bytes.subarray(ip, ip + quoted), at + 8);
    putUint16(head, at + 2, ~fold(addWords(0, head, at, at + 8 + quoted)) & 0xffff);
    tx.length = at + 8 + quoted - HEADROOM;
    tx.tos = ECN_NOT_ECT;
    stack.send(route, local, PROTOCOL_ICMP);
  }
}
