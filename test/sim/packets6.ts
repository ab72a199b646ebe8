/** IPv6 packets made and read by hand; written apart from `src/net/wire` on purpose, as those of `packets.ts` are. */
import { checksum, concat, ethernet, view } from './packets.js';

export const TYPE_IPV6 = 0x86dd;
const ICMP6 = 58;

/** `2001:db8::1` -> 16 bytes. Hexadecimal groups and one `::` alone. */
export function ip6(text: string): Uint8Array {
  const [front = '', back] = text.split('::');
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16)));
  const first = words(front);
  const last = back === undefined ? [] : words(back);
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export interface Ip6 {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly next: number;
  readonly payload: Uint8Array;
  readonly hops?: number;
  /** Traffic class and flow label, 28 bits. */
  readonly flow?: number;
}

export function ipv6({ source, destination, next, payload, hops = 64, flow = 0 }: Ip6): Uint8Array {
  const bytes = new Uint8Array(40 + payload.length);
  view(bytes).setUint32(0, (0x60000000 | flow) >>> 0);
  view(bytes).setUint16(4, payload.length);
  bytes[6] = next;
  bytes[7] = hops;
  bytes.set(source, 8);
  bytes.set(destination, 24);
  bytes.set(payload, 40);
  return bytes;
}

export function readIp6(frame: Uint8Array): (Required<Ip6> & { readonly bytes: Uint8Array }) | undefined {
  if (frame.length < 54 || view(frame).getUint16(12) !== TYPE_IPV6) return undefined;
  const packet = frame.subarray(14);
  const length = view(packet).getUint16(4);
  if ((packet[0] as number) >> 4 !== 6 || 40 + length > packet.length) return undefined;
  return {
    source: packet.slice(8, 24),
    destination: packet.slice(24, 40),
    next: packet[6] as number,
    hops: packet[7] as number,
    flow: view(packet).getUint32(0) & 0xfffffff,
    bytes: packet.subarray(0, 40 + length),
    payload: packet.subarray(40, 40 + length),
  };
}

/** The pseudo-header of RFC 8200 8.1. */
export function pseudo6(source: Uint8Array, destination: Uint8Array, next: number, length: number): Uint8Array {
  const tail = new Uint8Array(8);
  view(tail).setUint32(0, length);
  tail[7] = next;
  return concat(source, destination, tail);
}

/** Sets the checksum at `at` of a transport's message. */
export function summed(
  source: Uint8Array,
  destination: Uint8Array,
  next: number,
  at: number,
  message: Uint8Array,
): Uint8Array {
  const bytes = message.slice();
  view(bytes).setUint16(at, 0);
  view(bytes).setUint16(at, checksum(pseudo6(source, destination, next, bytes.length), bytes));
  return bytes;
}

/** An ICMPv6 packet; `body` is what follows type, code and checksum. */
export function icmp6(
  fields: Pick<Ip6, 'source' | 'destination'> & { readonly hops?: number },
  type: number,
  code: number,
  body: Uint8Array,
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), body);
  const { source, destination } = fields;
  return ipv6({ ...fields, next: ICMP6, payload: summed(source, destination, ICMP6, 2, message) });
}

export function udp6(
  source: Uint8Array,
  from: number,
  destination: Uint8Array,
  to: number,
  data: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(8 + data.length);
  view(message).setUint16(0, from);
  view(message).setUint16(2, to);
  view(message).setUint16(4, message.length);
  message.set(data, 8);
  return ipv6({ source, destination, next: 17, payload: summed(source, destination, 17, 6, message) });
}

export interface Segment6 {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

export function tcp6(segment: Segment6): Uint8Array {
  const { source, destination, options = new Uint8Array(0), payload = new Uint8Array(0) } = segment;
  const header = 20 + options.length;
  const message = new Uint8Array(header + payload.length);
  const data = view(message);
  data.setUint16(0, segment.from);
  data.setUint16(2, segment.to);
  data.setInt32(4, segment.seq | 0);
  data.setInt32(8, segment.ack | 0);
  message[12] = (header / 4) << 4;
  message[13] = segment.flags;
  data.setUint16(14, 65_535);
  message.set(options, 20);
  message.set(payload, header);
  return ipv6({ source, destination, next: 6, payload: summed(source, destination, 6, 16, message) });
}

/** An extension header: next header, its length and `data`, padded with zeros (Pad1) to a multiple of 8. */
export function extension(next: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((2 + data.length) / 8) * 8);
  bytes[0] = next;
  bytes[1] = bytes.length / 8 - 1;
  bytes.set(data, 2);
  return bytes;
}

/** A fragment header and its data. `offset` in bytes. */
export function fragment6(next: number, offset: number, more: boolean, id: number, data: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = next;
  view(header).setUint16(2, offset | (more ? 1 : 0));
  view(header).setUint32(4, id);
  return concat(header, data);
}

/** An option of neighbour discovery, `data` of 6 + 8 n bytes. */
export function ndOption(type: number, data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type, (2 + data.length) / 8), data);
}

/** The frame that carries a packet to a group (RFC 2464 7) or to `mac`. */
export function frame6(packet: Uint8Array, from: Uint8Array, mac?: Uint8Array): Uint8Array {
  const group = concat(Uint8Array.of(0x33, 0x33), packet.subarray(36, 40));
  return ethernet(mac ?? group, from, TYPE_IPV6, packet);
}
