/**
 * Packets made and read by hand, for the parts of the simulated network that are not our stack. Written apart from
 * `src/net/wire` on purpose: a mistake there is not repeated here.
 */
export const BROADCAST_MAC = Uint8Array.of(255, 255, 255, 255, 255, 255);
export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** The timestamps option of TCP, padded to 12 bytes: `value` from 0 to 65535, echoing 0. */
export function timestamps(value: number): Uint8Array {
  return Uint8Array.of(1, 1, 8, 10, 0, 0, value >> 8, value & 255, 0, 0, 0, 0);
}

/** `10.0.0.1` -> int32. */
export function ip(text: string): number {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
  return (a << 24) | (b << 16) | (c << 8) | d;
}

export function ipText(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
}

export function macKey(mac: Uint8Array): number {
  return mac.reduce((sum, byte) => sum * 256 + byte, 0);
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** RFC 1071, inverted: what goes into a checksum field that was zero. */
export function checksum(...parts: readonly Uint8Array[]): number {
  const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : concat(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function ethernet(destination: Uint8Array, source: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(Math.max(60, 14 + payload.length));
  frame.set(destination, 0);
  frame.set(source, 6);
  view(frame).setUint16(12, type);
  frame.set(payload, 14);
  return frame;
}

export interface Arp {
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly sender: number;
  readonly targetMac: Uint8Array;
  readonly target: number;
}

export function arp({ operation, senderMac, sender, targetMac, target }: Arp): Uint8Array {
  const bytes = new Uint8Array(28);
  const data = view(bytes);
  data.setUint16(0, 1);
  data.setUint16(2, TYPE_IPV4);
  bytes[4] = 6;
  bytes[5] = 4;
  data.setUint16(6, operation);
  bytes.set(senderMac, 8);
  data.setInt32(14, sender);
  bytes.set(targetMac, 18);
  data.setInt32(24, target);
  return bytes;
}

export function readArp(frame: Uint8Array): Arp | undefined {
  if (frame.length < 42 || view(frame).getUint16(12) !== TYPE_ARP) return undefined;
  const data = view(frame);
  return {
    operation: data.getUint16(20),
    senderMac: frame.slice(22, 28),
    sender: data.getInt32(28),
    targetMac: frame.slice(32, 38),
    target: data.getInt32(38),
  };
}

export interface Ip {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly ttl?: number;
  readonly id?: number;
  readonly dontFragment?: boolean;
}

export function ipv4({
  source,
  destination,
  protocol,
  payload,
  ttl = 64,
  id = 0,
  dontFragment = false,
}: Ip): Uint8Array {
  const bytes = new Uint8Array(20 + payload.length);
  const data = view(bytes);
  bytes[0] = 0x45;
  data.setUint16(2, bytes.length);
  data.setUint16(4, id);
  data.setUint16(6, dontFragment ? 0x4000 : 0);
  bytes[8] = ttl;
  bytes[9] = protocol;
  data.setInt32(12, source);
  data.setInt32(16, destination);
  data.setUint16(10, checksum(bytes.subarray(0, 20)));
  bytes.set(payload, 20);
  return bytes;
}

/** The IPv4 packet in a frame, without padding; undefined where there is none with a good header. */
export function readIp(
  frame: Uint8Array,
): (Required<Ip> & { readonly header: number; readonly bytes: Uint8Array }) | undefined {
  if (frame.length < 34 || view(frame).getUint16(12) !== TYPE_IPV4) return undefined;
  const packet = frame.subarray(14);
  const data = view(packet);
  const header = ((packet[0] as number) & 15) * 4;
  const total = data.getUint16(2);
  if ((packet[0] as number) >> 4 !== 4 || header < 20 || total < header || total > packet.length) return undefined;
  if (checksum(packet.subarray(0, header)) !== 0) return undefined;
  return {
    source: data.getInt32(12),
    destination: data.getInt32(16),
    protocol: packet[9] as number,
    ttl: packet[8] as number,
    id: data.getUint16(4),
    dontFragment: (data.getUint16(6) & 0x4000) !== 0,
    header,
    bytes: packet.subarray(0, total),
    payload: packet.subarray(header, total),
  };
}

function pseudo(source: number, destination: number, protocol: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const data = view(bytes);
  data.setInt32(0, source);
  data.setInt32(4, destination);
  bytes[9] = protocol;
  data.setUint16(10, length);
  return bytes;
}

export function udp(source: number, from: number, destination: number, to: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  const data = view(bytes);
  data.setUint16(0, from);
  data.setUint16(2, to);
  data.setUint16(4, bytes.length);
  bytes.set(payload, 8);
  data.setUint16(6, checksum(pseudo(source, destination, UDP, bytes.length), bytes) || 0xffff);
  return ipv4({ source, destination, protocol: UDP, payload: bytes });
}

export interface Segment {
  readonly source: number;
  readonly from: number;
  readonly destination: number;
  readonly to: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window?: number;
  readonly urgent?: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

/** An IPv4 packet with that TCP segment. */
export function tcp(segment: Segment): Uint8Array {
  const { source, destination, options = new Uint8Array(0), payload = new Uint8Array(0) } = segment;
  const header = 20 + Math.ceil(options.length / 4) * 4;
  const bytes = new Uint8Array(header + payload.length);
  const data = view(bytes);
  data.setUint16(0, segment.from);
  data.setUint16(2, segment.to);
  data.setInt32(4, segment.seq | 0);
  data.setInt32(8, segment.ack | 0);
  bytes[12] = (header / 4) << 4;
  bytes[13] = segment.flags;
  data.setUint16(14, segment.window ?? 65_535);
  data.setUint16(18, segment.urgent ?? 0);
  bytes.set(options, 20);
  bytes.set(payload, header);
  data.setUint16(16, checksum(pseudo(source, destination, TCP, bytes.length), bytes));
  return ipv4({ source, destination, protocol: TCP, payload: bytes, dontFragment: true });
}

/** The TCP segment in an IPv4 payload. */
export function readTcp(
  payload: Uint8Array,
): { from: number; to: number; seq: number; ack: number; flags: number; header: number } | undefined {
  if (payload.length < 20) return undefined;
  const data = view(payload);
  return {
    from: data.getUint16(0),
    to: data.getUint16(2),
    seq: data.getInt32(4),
    ack: data.getInt32(8),
    flags: payload[13] as number,
    header: ((payload[12] as number) >> 4) * 4,
  };
}

/** An ICMP error about `about` (an IPv4 packet): its header and 8 bytes are returned, as RFC 792 wants. */
export function icmpError(source: number, type: number, code: number, mtu: number, about: Uint8Array): Uint8Array {
  const header = ((about[0] as number) & 15) * 4;
  const bytes = concat(new Uint8Array(8), about.subarray(0, header + 8));
  const data = view(bytes);
  bytes[0] = type;
  bytes[1] = code;
  data.setUint16(6, mtu);
  data.setUint16(2, checksum(bytes));
  return ipv4({ source, destination: view(about).getInt32(12), protocol: ICMP, payload: bytes });
}
