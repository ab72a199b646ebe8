/** UDP (RFC 768, RFC 1122 4.1) as a contract: a port is bound, datagrams come and go. */

import { UserError } from '../../errors/user-error.js';
import { Memory } from '../../memory/memory.js';
import { RX_CHECKSUM_OK } from '../device/device.js';
import { HEADROOM, TRANSPORT_OFFSET } from '../device/tx-frame.js';
import { dropReason } from '../drops.js';
import { addWords, fold } from '../wire/checksum.js';
import { int32At, putUint16, uint16At } from '../wire/tcp.js';
import type { IpContext } from './context.js';
import type { Datagram, IcmpError } from './contracts/datagram.js';
import { type Handle, isIpv6 } from './contracts/ip-output.js';
import type { Transport } from './contracts/transport.js';
import { RecentlySent } from './recently-sent.js';

export const PROTOCOL_UDP = 17;
const TRUNCATED = dropReason('udp-truncated');
const LENGTH = dropReason('udp-length');
const CHECKSUM = dropReason('udp-checksum');
const NO_ROUTE = dropReason('ip-no-route');
const TOO_BIG = dropReason('ip-too-big');
const PORT_CLOSED = dropReason('udp-port-closed');

/** Bytes of a datagram at most: what IPv4's longest packet has room for. */
const MOST_PAYLOAD = 65_507;

/** A datagram for a port: its payload is `bytes[start..end)`. Written anew for each one, and valid during the call. */
export interface UdpDatagram {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly source: Handle;
  readonly sourcePort: number;
  readonly destination: Handle;
  /** DSCP and ECN, as they came. */
  readonly tos: number;
  /** The `now` of the entry. */
  readonly now: number;
}

export type OnDatagram = (datagram: UdpDatagram) => void;

/**
 * An ICMP error about a datagram that went from this port to `destination:port` (RFC 1122 4.1.3.3): ICMP's type and
 * code.
 */
export type OnError = (type: number, code: number, destination: Handle, port: number, now: number) => void;

/** RFC 1122 4.1.4: time to live, 1..255, and Differentiated Services code point, 0..63; the source address. */
export interface DatagramOptions {
  /** 0: none, as a host has it that asks for its address. Default: the address that the host has on the way there. */
  readonly source?: Handle;
  readonly ttl?: number;
  readonly dscp?: number;
}

export interface UdpPort {
  readonly port: number;
  /** False: no route, or dropped on the way. `payload` is at most 65,507 bytes and copied when it must be. */
  send(payload: Uint8Array, destination: Handle, port: number, options?: DatagramOptions): boolean;
  close(): void;
}

export class Udp implements Transport {
  readonly protocol = PROTOCOL_UDP;
  private readonly ports = new Map<number, { readonly datagram: OnDatagram; readonly error: OnError | undefined }>();

  private readonly recent = new RecentlySent();
  /** What is handed to a port; used again for each datagram. */
  private readonly datagram: { -readonly [key in keyof UdpDatagram]: UdpDatagram[key] } = {
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
    source: 0,
    sourcePort: 0,
    destination: 0,
    tos: 0,
    now: 0,
  };

  constructor(private readonly stack: IpContext) {}

  /** Throws when the port is bound already. */
  bind(port: number, onDatagram: OnDatagram, onError?: OnError): UdpPort {
    if (this.ports.has(port)) throw new UserError(`UDP port ${port} is bound already`, 'in-use');
    this.ports.set(port, { datagram: onDatagram, error: onError });
    return {
      port,
      send: (payload, destination, to, options) => this.send(payload, port, destination, to, options),
      close: () => void this.ports.delete(port),
    };
  }

  isBound(port: number): boolean {
    return this.ports.has(port);
  }

  input(datagram: Datagram): void {
    const { stack } = this;
    const { bytes, start, end, source, destination, marks, tos, now } = datagram;
    if (end - start < 8) return stack.drops.count(TRUNCATED, bytes, start, end);
    const length = uint16At(bytes, start + 4);
    if (length < 8 || length > end - start) return stack.drops.count(LENGTH, bytes, start, end);
    const stop = start + length;
    // RFC 768: 0 means that there is none; RFC 8200 8.1: over IPv6 there has to be one.
    const summed = isIpv6(source) || uint16At(bytes, start + 6) !== 0;
    if (
      marks !== RX_CHECKSUM_OK &&
      summed &&
      (uint16At(bytes, start + 6) === 0 ||
        fold(addWords(stack.pseudo(destination, source, PROTOCOL_UDP, length), bytes, start, stop)) !== 0xffff)
    ) {
      return stack.drops.count(CHECKSUM, bytes, start, end);
    }
    const bound = this.ports.get(uint16At(bytes, start + 2));
    if (bound === undefined) {
      stack.drops.count(PORT_CLOSED, bytes, start, end);
      // RFC 1122 4.1.3.1.
      stack.portUnreachable(datagram);
      return;
    }
    const { datagram: received } = this;
    received.bytes = bytes;
    received.start = start + 8;
    received.end = stop;
    received.source = source;
    received.sourcePort = uint16At(bytes, start);
    received.destination = destination;
    received.tos = tos;
    received.now = now;
    bound.datagram(received);
  }

  private send(
    payload: Uint8Array,
    from: number,
    destination: Handle,
    port: number,
    options: DatagramOptions = {},
  ): boolean {
    const { stack } = this;
    const route = stack.route(destination);
    if (route === undefined || payload.length > MOST_PAYLOAD) {
      stack.drops.count(route === undefined ? NO_ROUTE : TOO_BIG);
      return false;
    }
    const source = options.source ?? stack.sourceFor(route);
    // An IPv6 packet without a source would never be answered; one of IPv4 may ask for an address.
    if (source === 0 && isIpv6(destination)) {
      stack.drops.count(NO_ROUTE);
      return false;
    }
    const tx = stack.tx;
    const head = tx.head;
    const at = TRANSPORT_OFFSET;
    tx.reset();
    const length = 8 + payload.length;
    putUint16(head, at, from);
    putUint16(head, at + 2, port);
    putUint16(head, at + 4, length);
    putUint16(head, at + 6, 0);
    const sum = addWords(stack.pseudo(source, destination, PROTOCOL_UDP, length), head, at, at + 8);
    const checksum = ~fold(addWords(sum, payload, 0, payload.length)) & 0xffff;
    // RFC 768: a computed zero goes as all ones.
    putUint16(head, at + 6, checksum === 0 ? 0xffff : checksum);
    this.recent.note(destination, int32At(head, at), int32At(head, at + 4), stack.now);
    tx.length = at + 8 - HEADROOM;
    if (payload.length <= 1472) {
      head.set(payload, at + 8);
      tx.length += payload.length;
    } else tx.push(new Memory(payload.slice()), 0, payload.length);
    tx.tos = (options.dscp ?? 0) << 2;
    tx.ttl = options.ttl ?? 0;
    return stack.send(route, source, PROTOCOL_UDP);
  }

  /** To the port that sent it a moment ago, and to no other. */
  believes({ type, code, bytes, ip, end, now }: IcmpError): boolean {
    const { stack } = this;
    const at = stack.transportAt(bytes, ip, end);
    const bound = at < 0 || at + 8 > end ? undefined : this.ports.get(uint16At(bytes, at));
    if (bound === undefined) return false;
    const destination = stack.destinationOf(bytes, ip);
    if (!this.recent.has(destination, int32At(bytes, at), int32At(bytes, at + 4), now)) return false;
    bound.error?.(type, code, destination, uint16At(bytes, at + 2), now);
    return true;
  }

  pathMtuLowered(): void {}

  linkMtuLowered(): void {}

  poll(): number {
    return Number.POSITIVE_INFINITY;
  }

  flush(): void {}

  addressLost(): void {}
}
