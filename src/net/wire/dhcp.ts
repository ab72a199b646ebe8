/** DHCP messages (RFC 2131 2, RFC 2132, RFC 3396, RFC 3442): built and read; hostile ones are refused whole. */
import type { Ipv4 } from './address.js';
import { maskPrefix, prefixMask } from './address.js';
import { int32At, putInt32, putUint16, uint16At } from './tcp.js';

export const DISCOVER = 1;
export const OFFER = 2;
export const REQUEST = 3;
export const DECLINE = 4;
export const ACK = 5;
export const NAK = 6;
export const RELEASE = 7;
export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

const MAGIC = 0x63825363;
const OPTIONS_AT = 240;
/** What we offer to take (RFC 2132 9.10), less than its headers. */
const LARGEST = 1500;
/** RFC 2131 2: a message is at least 300 bytes for old relays. */
const SMALLEST = 300;

const OPTION_PAD = 0;
const OPTION_END = 255;
const OPTION_OVERLOAD = 52;

/** What a server said, checked. Times in seconds; `Infinity`: without end. */
export interface DhcpReply {
  readonly type: number;
  readonly xid: number;
  readonly yourAddress: Ipv4;
  /** Option 54; 0: none. */
  readonly server: Ipv4;
  /** Prefix length of option 1; undefined: not given, or no netmask. */
  readonly prefix: number | undefined;
  readonly routers: readonly Ipv4[];
  readonly dnsServers: readonly Ipv4[];
  readonly ntpServers: readonly Ipv4[];
  readonly broadcast: Ipv4 | undefined;
  readonly domain: string | undefined;
  readonly hostname: string | undefined;
  readonly mtu: number | undefined;
  readonly lease: number | undefined;
  readonly t1: number | undefined;
  readonly t2: number | undefined;
  /** Option 121; undefined: not given, empty, or damaged. */
  readonly routes: readonly { network: Ipv4; prefix: number; gateway: Ipv4 }[] | undefined;
  /** Option 56. */
  readonly message: string | undefined;
}

export interface DhcpMessage {
  readonly type: number;
  readonly xid: number;
  /** Seconds since the client began to acquire or to renew its address. */
  readonly secs: number;
  /** 0 unless the client has the address already (renewing, rebinding, releasing). */
  readonly clientAddress: Ipv4;
  readonly mac: Uint8Array;
  /** Options in order: code and value. */
  readonly options: readonly (readonly [number, Uint8Array])[];
}

export function buildDhcp(message: DhcpMessage): Uint8Array {
  const size = message.options.reduce((sum, [, value]) => sum + 2 + value.length, OPTIONS_AT + 3 + 1);
  const bytes = new Uint8Array(Math.max(size, SMALLEST));
  bytes[0] = 1;
  bytes[1] = 1;
  bytes[2] = 6;
  putInt32(bytes, 4, message.xid);
  putUint16(bytes, 8, Math.min(message.secs, 0xffff));
  putInt32(bytes, 12, message.clientAddress);
  bytes.set(message.mac, 28);
  putInt32(bytes, 236, MAGIC);
  let at = OPTIONS_AT;
  bytes[at] = 53;
  bytes[at + 1] = 1;
  bytes[at + 2] = message.type;
  at += 3;
  for (const [code, value] of message.options) {
    bytes[at] = code;
    bytes[at + 1] = value.length;
    bytes.set(value, at + 2);
    at += 2 + value.length;
  }
  bytes[at] = OPTION_END;
  return bytes;
}

/** Collects options; the parts of one code are joined (RFC 3396 7). False: a length runs out of the field. */
function collect(bytes: Uint8Array, start: number, end: number, into: Map<number, number[]>): boolean {
  let at = start;
  while (at < end) {
    const code = bytes[at];
    if (code === OPTION_PAD) {
      at++;
      continue;
    }
    if (code === OPTION_END) return true;
    const length = at + 1 < end ? bytes[at + 1] : 256;
    if (at + 2 + length > end) return false;
    const value = into.get(code) ?? [];
    for (let i = 0; i < length; i++) value.push(bytes[at + 2 + i]);
    into.set(code, value);
    at += 2 + length;
  }
  return true;
}

/**
 * A BOOTREPLY for `mac`, or undefined when it is malformed or for another host. `bytes[start..end)` is the UDP payload.
 */
export function parseDhcp(bytes: Uint8Array, start: number, end: number, mac: Uint8Array): DhcpReply | undefined {
  const at = start;
  if (end - at < OPTIONS_AT + 3 || end - at > LARGEST || bytes[at] !== 2 || bytes[at + 1] !== 1 || bytes[at + 2] !== 6)
    return undefined;
  if (int32At(bytes, at + 236) !== MAGIC) return undefined;
  for (let i = 0; i < 6; i++) if (bytes[at + 28 + i] !== mac[i]) return undefined;
  const options = new Map<number, number[]>();
  if (!collect(bytes, at + OPTIONS_AT, end, options)) return undefined;
  const overload = options.get(OPTION_OVERLOAD)?.[0] ?? 0;
  // RFC 2131 4.1: `file` first, then `sname`.
  if ((overload & 1) !== 0 && !collect(bytes, at + 108, at + 236, options)) return undefined;
  if ((overload & 2) !== 0 && !collect(bytes, at + 44, at + 108, options)) return undefined;
  const type = options.get(53);
  if (type === undefined || ![OFFER, ACK, NAK].includes(type[0])) return undefined;
  const reader = new OptionReader(options);
  return {
    type: type[0],
    xid: int32At(bytes, at + 4),
    yourAddress: int32At(bytes, at + 16),
    server: reader.addresses(54)[0] ?? 0,
    prefix: reader.prefix(),
    routers: reader.addresses(3),
    dnsServers: reader.addresses(6),
    ntpServers: reader.addresses(42),
    broadcast: reader.addresses(28)[0],
    domain: reader.text(15),
    hostname: reader.text(12),
    mtu: reader.mtu(),
    lease: reader.seconds(51),
    t1: reader.seconds(58),
    t2: reader.seconds(59),
    routes: reader.routes(),
    message: reader.text(56),
  };
}

/**
 * Values too short for their option are as if they were not there. Of one that is too long the first part counts: RFC
 * 3396 joins an option that a server sends twice, as dnsmasq does when its administrator gives an option that it sends
 * by itself.
 */
class OptionReader {
  constructor(private readonly options: ReadonlyMap<number, readonly number[]>) {}

  private bytes(code: number): Uint8Array | undefined {
    const value = this.options.get(code);
    return value === undefined ? undefined : Uint8Array.from(value);
  }

  addresses(code: number): Ipv4[] {
    const value = this.bytes(code);
    if (value === undefined) return [];
    const found: Ipv4[] = [];
    for (let i = 0; i + 4 <= value.length && found.length < 16; i += 4) {
      const address = int32At(value, i);
      if (address !== 0 && address !== -1) found.push(address);
    }
    return found;
  }

  prefix(): number | undefined {
    const value = this.bytes(1);
    // A mask of 0.0.0.0 would put every host on the link; servers send it for "none".
    const mask = value === undefined || value.length < 4 ? 0 : int32At(value, 0);
    return mask === 0 ? undefined : maskPrefix(mask);
  }

  /** RFC 2132 5.1: at least 68. */
  mtu(): number | undefined {
    const value = this.bytes(26);
    if (value === undefined || value.length < 2) return undefined;
    const mtu = uint16At(value, 0);
    return mtu >= 576 ? mtu : undefined;
  }

  seconds(code: number): number | undefined {
    const value = this.bytes(code);
    if (value === undefined || value.length < 4) return undefined;
    const seconds = int32At(value, 0) >>> 0;
    return seconds === 0xffff_ffff ? Number.POSITIVE_INFINITY : seconds;
  }

  text(code: number): string | undefined {
    const value = this.bytes(code);
    if (value === undefined) return undefined;
    // Only what may stand in a log line.
    const text = String.fromCharCode(...value.filter((byte) => byte >= 0x20 && byte < 0x7f));
    return text === '' ? undefined : text;
  }

  /** RFC 3442: width, significant octets of the network, router. */
  routes(): { network: Ipv4; prefix: number; gateway: Ipv4 }[] | undefined {
    const value = this.bytes(121);
    // One without a route replaces no router.
    if (value === undefined || value.length === 0) return undefined;
    const found: { network: Ipv4; prefix: number; gateway: Ipv4 }[] = [];
    for (let at = 0; at < value.length && found.length < 64; ) {
      const prefix = value[at];
      const octets = (prefix + 7) >> 3;
      if (prefix > 32 || at + 1 + octets + 4 > value.length) return undefined;
      let network = 0;
      for (let i = 0; i < octets; i++) network |= value[at + 1 + i] << (24 - 8 * i);
      found.push({ network: network & prefixMask(prefix), prefix, gateway: int32At(value, at + 1 + octets) });
      at += 1 + octets + 4;
    }
    return found;
  }
}
