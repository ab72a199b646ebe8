/**
 * IPv4 datagrams that come in (RFC 791, RFC 1122 3.2): checked field by field, put together, handed to the transport.
 */
import { RX_PLAIN } from '../device/device.js';
import { dropReason } from '../drops.js';
import { isMartian } from '../wire/address.js';
import { addWords, fold } from '../wire/checksum.js';
import { DHCP_CLIENT_PORT } from '../wire/dhcp.js';
import { ETHERNET } from '../wire/ethernet.js';
import {
  PARAMETER_PROBLEM,
  PROTOCOL_ICMP,
  PROTOCOL_UNREACHABLE,
  REASSEMBLY_TIME,
  TIME_EXCEEDED,
  UNREACHABLE,
} from '../wire/icmp.js';
import { int32At, putUint16, uint16At } from '../wire/tcp.js';
import type { IpContext } from './context.js';
import { Datagram } from './contracts/datagram.js';
import { IpReassembly } from './reassembly.js';
import { PROTOCOL_UDP } from './udp.js';

const TRUNCATED = dropReason('ip-truncated');
const VERSION = dropReason('ip-version');
const HEADER_LENGTH = dropReason('ip-header-length');
const TOTAL_LENGTH = dropReason('ip-total-length');
const CHECKSUM = dropReason('ip-checksum');
const MARTIAN = dropReason('ip-source-martian');
const NOT_FOR_US = dropReason('ip-not-for-us');
const NO_ADDRESS = dropReason('ip-no-address');
const OPTIONS = dropReason('ip-options-malformed');
const SOURCE_ROUTE = dropReason('ip-source-route');
const PROTOCOL = dropReason('ip-protocol-unknown');

export class Ipv4Input {
  private readonly reassembly: IpReassembly;
  private readonly datagram = new Datagram();

  constructor(private readonly stack: IpContext) {
    this.reassembly = new IpReassembly(stack.drops, (first) => {
      // RFC 1122 3.3.2: time exceeded, if the first fragment came.
      stack.icmp.sendError(TIME_EXCEEDED, REASSEMBLY_TIME, { bytes: first, ip: 0, end: first.length });
    });
  }

  /** The datagram of the frame `bytes[ethernet..frameEnd)`. `group`: the frame came to a group. */
  input(bytes: Uint8Array, ethernet: number, frameEnd: number, marks: number, group: boolean): void {
    const { stack, datagram } = this;
    const { drops } = stack;
    const ip = ethernet + ETHERNET;
    if (frameEnd - ip < 20) return drops.count(TRUNCATED, bytes, ethernet, frameEnd);
    const first = bytes[ip];
    if (first >> 4 !== 4) return drops.count(VERSION, bytes, ethernet, frameEnd);
    const header = (first & 15) * 4;
    if (header < 20 || ip + header > frameEnd) return drops.count(HEADER_LENGTH, bytes, ethernet, frameEnd);
    const total = uint16At(bytes, ip + 2);
    // Ethernet pads; what is beyond the total length is not ours.
    if (total < header || ip + total > frameEnd) return drops.count(TOTAL_LENGTH, bytes, ethernet, frameEnd);
    if (fold(addWords(0, bytes, ip, ip + header)) !== 0xffff) return drops.count(CHECKSUM, bytes, ethernet, frameEnd);
    const source = int32At(bytes, ip + 12);
    const destination = int32At(bytes, ip + 16);
    const end = ip + total;
    const protocol = bytes[ip + 9];
    const config = stack.config;
    let broadcast = group;
    if (config === undefined || destination !== config.address) {
      if (stack.isBroadcast(destination)) broadcast = true;
      else if (!stack.isFurther(destination) && !this.isDhcp(bytes, ip, header, protocol, end)) {
        return drops.count(config === undefined ? NO_ADDRESS : NOT_FOR_US, bytes, ethernet, frameEnd);
      }
    }
    // RFC 1122 3.2.1.3: an address of no host, a broadcast address and our own are no source. 0.0.0.0 is, for a DHCP
    // server alone.
    const initializing = source === 0 && this.isDhcp(bytes, ip, header, protocol, end);
    if ((isMartian(source) && !initializing) || source === stack.broadcast || stack.isOurs(source)) {
      return drops.count(MARTIAN, bytes, ethernet, frameEnd);
    }
    // A time to live of zero is no reason to drop what has arrived (RFC 1122 3.2.1.7).
    datagram.lies(bytes, ip, ip + header, end, marks);
    datagram.goes(source, destination, broadcast, bytes[ip + 1], stack.now);
    if (header > 20 && !this.optionsOk(datagram)) return;
    const fragment = uint16At(bytes, ip + 6);
    if ((fragment & 0x3fff) !== 0) {
      const payload = this.reassembly.add(
        datagram,
        protocol,
        uint16At(bytes, ip + 4),
        (fragment & 0x1fff) * 8,
        (fragment & 0x2000) !== 0,
      );
      if (payload === undefined) return;
      // As if it had come whole: a header with the new length before it.
      const whole = new Uint8Array(20 + payload.length);
      whole.set(bytes.subarray(ip, ip + 20));
      whole[0] = 0x45;
      putUint16(whole, 2, whole.length);
      putUint16(whole, 6, 0);
      whole.set(payload, 20);
      datagram.lies(whole, 0, 20, whole.length, RX_PLAIN);
    }
    this.deliver(datagram, protocol);
  }

  /**
   * DHCP answers may come before we have an address: to the client's port (RFC 2131 4.1; no text says from which),
   * while a client has it.
   */
  private isDhcp(bytes: Uint8Array, ip: number, header: number, protocol: number, end: number): boolean {
    return (
      protocol === PROTOCOL_UDP &&
      ip + header + 8 <= end &&
      uint16At(bytes, ip + header + 2) === DHCP_CLIENT_PORT &&
      this.stack.udp.isBound(DHCP_CLIENT_PORT)
    );
  }

  private deliver(datagram: Datagram, protocol: number): void {
    const { stack } = this;
    const transport = stack.transport(protocol);
    if (transport !== undefined) transport.input(datagram);
    else if (protocol === PROTOCOL_ICMP) stack.icmp.input(datagram);
    else {
      stack.drops.count(PROTOCOL, datagram.bytes, datagram.ip, datagram.end);
      if (!datagram.broadcast) stack.icmp.sendError(UNREACHABLE, PROTOCOL_UNREACHABLE, datagram);
    }
  }

  /** RFC 791 3.1: options are walked and skipped; source routes are refused (RFC 7126 4.3). */
  private optionsOk(datagram: Datagram): boolean {
    const { stack } = this;
    const { bytes, ip, start: stop, end } = datagram;
    for (let at = ip + 20; at < stop; ) {
      const kind = bytes[at];
      if (kind === 0) return true;
      if (kind === 1) {
        at++;
        continue;
      }
      const length = at + 1 < stop ? bytes[at + 1] : 0;
      if (length < 2 || at + length > stop) {
        stack.drops.count(OPTIONS, bytes, ip, end);
        // RFC 1122 3.2.2.5: the pointer names the octet that is wrong.
        if (!datagram.broadcast) stack.icmp.sendError(PARAMETER_PROBLEM, 0, datagram, at - ip);
        return false;
      }
      if (kind === 131 || kind === 137) {
        stack.drops.count(SOURCE_ROUTE, bytes, ip, end);
        return false;
      }
      at += length;
    }
    return true;
  }

  poll(now: number): number {
    return this.reassembly.poll(now);
  }

  forget(): void {
    this.reassembly.clear();
  }
}
