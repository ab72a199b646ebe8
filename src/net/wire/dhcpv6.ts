/** DHCPv6 messages between client and server (RFC 8415 8, 21): built, and read with every length checked. */
import { type Ipv6Bytes, isLinkLocal, isNoHost } from './ipv6.js';
import { int32At, putInt32, putUint16, uint16At } from './tcp.js';

export const DHCPV6_CLIENT_PORT = 546;
export const DHCPV6_SERVER_PORT = 547;
/** RFC 8415 7.1: ff02::1:2 */
export const ALL_DHCP_SERVERS: Ipv6Bytes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2);

/** Types of messages (RFC 8415 7.3). */
export const SOLICIT = 1;
export const ADVERTISE = 2;
export const REQUEST_6 = 3;
export const RENEW = 5;
export const REBIND = 6;
export const REPLY_6 = 7;
export const RELEASE_6 = 8;
export const DECLINE_6 = 9;
export const INFORMATION_REQUEST = 11;

/** Options (RFC 8415 21, RFC 3646, RFC 7083). */
const CLIENT_ID = 1;
const SERVER_ID = 2;
const IA_NA = 3;
const IA_ADDRESS = 5;
const OPTION_REQUEST = 6;
const PREFERENCE = 7;
const ELAPSED_TIME = 8;
const STATUS_CODE = 13;
const RAPID_COMMIT = 14;
const DNS_SERVERS = 23;
const DOMAIN_LIST = 24;
const REFRESH_TIME = 32;
const SOL_MAX_RT = 82;
const INF_MAX_RT = 83;

/** Status codes (RFC 8415 21.13). */
export const SUCCESS = 0;
export const NO_BINDING = 3;

/** Options of one message, those inside others counted, and addresses that are taken from one. */
const MOST_OPTIONS = 64;
const MOST_ADDRESSES = 8;
/** RFC 8415 11.1: a DUID has 130 bytes at most. */
const LONGEST_DUID = 130;

/** An address of an IA; seconds, `Infinity`: without end. */
export interface LeasedAddress {
  readonly address: Ipv6Bytes;
  readonly preferred: number;
  readonly valid: number;
}

interface Association {
  readonly iaid: number;
  /** Seconds; 0: the client chooses. */
  readonly t1: number;
  readonly t2: number;
  readonly addresses: readonly LeasedAddress[];
  readonly status: number;
}

/** What a server said. */
export interface Dhcpv6Message {
  readonly type: number;
  readonly transaction: number;
  readonly client: Uint8Array | undefined;
  readonly server: Uint8Array | undefined;
  readonly preference: number;
  readonly status: number;
  readonly rapidCommit: boolean;
  readonly association: Association | undefined;
  readonly dnsServers: readonly Ipv6Bytes[];
  /** Seconds; undefined: not said. */
  readonly refresh: number | undefined;
  readonly solMaxRt: number | undefined;
  readonly infMaxRt: number | undefined;
}

/** What a client asks. */
export interface Dhcpv6Question {
  readonly type: number;
  /** 24 bits. */
  readonly transaction: number;
  readonly client: Uint8Array;
  readonly server?: Uint8Array | undefined;
  /** ms since the exchange began. */
  readonly elapsed: number;
  readonly rapidCommit?: boolean;
  /** Undefined: no address is asked for. */
  readonly iaid?: number | undefined;
  readonly addresses?: readonly Ipv6Bytes[];
}

/** DUID-LL (RFC 8415 11.4): the same as long as the MAC is. */
export function duidOf(mac: Uint8Array): Uint8Array {
  const duid = new Uint8Array(10);
  putInt32(duid, 0, 0x0003_0001);
  duid.set(mac, 4);
  return duid;
}

export function buildDhcpv6(question: Dhcpv6Question): Uint8Array {
  const { type, transaction, client, server, elapsed, rapidCommit = false, iaid, addresses = [] } = question;
  const options: Uint8Array[] = [option(CLIENT_ID, client)];
  if (server !== undefined) options.push(option(SERVER_ID, server));
  const hundredths = new Uint8Array(2);
  putUint16(hundredths, 0, Math.min(Math.floor(elapsed / 10), 0xffff));
  options.push(option(ELAPSED_TIME, hundredths));
  if (iaid !== undefined) options.push(association(iaid, addresses));
  if (type !== RELEASE_6 && type !== DECLINE_6) {
    const wanted = [DNS_SERVERS, DOMAIN_LIST, SOL_MAX_RT];
    // RFC 8415 18.2.6: these are of an information request alone.
    if (type === INFORMATION_REQUEST) wanted.push(REFRESH_TIME, INF_MAX_RT);
    const list = new Uint8Array(wanted.length * 2);
    wanted.forEach((code, i) => {
      putUint16(list, i * 2, code);
    });
    options.push(option(OPTION_REQUEST, list));
  }
  if (rapidCommit) options.push(option(RAPID_COMMIT, new Uint8Array(0)));
  const message = new Uint8Array(options.reduce((sum, one) => sum + one.length, 4));
  putInt32(message, 0, (type << 24) | (transaction & 0xff_ffff));
  let at = 4;
  for (const one of options) {
    message.set(one, at);
    at += one.length;
  }
  return message;
}

function option(code: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + data.length);
  putUint16(bytes, 0, code);
  putUint16(bytes, 2, data.length);
  bytes.set(data, 4);
  return bytes;
}

function association(iaid: number, addresses: readonly Ipv6Bytes[]): Uint8Array {
  // RFC 8415 21.4: T1 and T2 of a client are 0, as are the lifetimes (21.6).
  const data = new Uint8Array(12 + addresses.length * 28);
  putInt32(data, 0, iaid);
  addresses.forEach((address, i) => {
    data.set(option(IA_ADDRESS, Uint8Array.from([...address, 0, 0, 0, 0, 0, 0, 0, 0])), 12 + i * 28);
  });
  return option(IA_NA, data);
}

function seconds(bytes: Uint8Array, at: number): number {
  const value = int32At(bytes, at) >>> 0;
  return value === 0xffff_ffff ? Number.POSITIVE_INFINITY : value;
}

/** Calls `found` for each option of `bytes[start..end)`; false: a length goes beyond the end, or there are too many. */
function walk(
  bytes: Uint8Array,
  start: number,
  end: number,
  found: (code: number, at: number, stop: number) => void,
): boolean {
  let at = start;
  for (let count = 0; at < end; count++) {
    if (count === MOST_OPTIONS || at + 4 > end) return false;
    const stop = at + 4 + uint16At(bytes, at + 2);
    if (stop > end) return false;
    found(uint16At(bytes, at), at + 4, stop);
    at = stop;
  }
  return true;
}

/** The message `bytes[start..end)`; undefined: it is none. Only the association `iaid` is read. */
export function readDhcpv6(bytes: Uint8Array, start: number, end: number, iaid: number): Dhcpv6Message | undefined {
  if (end - start < 4) return undefined;
  const message = {
    ...{ type: bytes[start], transaction: int32At(bytes, start) & 0xff_ffff },
    client: undefined as Uint8Array | undefined,
    server: undefined as Uint8Array | undefined,
    ...{ preference: 0, status: SUCCESS, rapidCommit: false },
    association: undefined as Association | undefined,
    dnsServers: [] as Ipv6Bytes[],
    refresh: undefined as number | undefined,
    solMaxRt: undefined as number | undefined,
    infMaxRt: undefined as number | undefined,
  };
  let whole = true;
  const good = walk(bytes, start + 4, end, (code, at, stop) => {
    const length = stop - at;
    const duid = length >= 3 && length <= LONGEST_DUID ? bytes.slice(at, stop) : undefined;
    if (code === CLIENT_ID) message.client = duid;
    else if (code === SERVER_ID) message.server = duid;
    else if (code === PREFERENCE && length === 1) message.preference = bytes[at];
    else if (code === STATUS_CODE && length >= 2) message.status = uint16At(bytes, at);
    else if (code === RAPID_COMMIT) message.rapidCommit = true;
    else if (code === DNS_SERVERS && length % 16 === 0) {
      for (let one = at; one < stop && message.dnsServers.length < MOST_ADDRESSES; one += 16)
        if (!isNoHost(bytes, one)) message.dnsServers.push(bytes.slice(one, one + 16));
    } else if (code === REFRESH_TIME && length === 4) message.refresh = seconds(bytes, at);
    else if (code === SOL_MAX_RT && length === 4) message.solMaxRt = int32At(bytes, at) >>> 0;
    else if (code === INF_MAX_RT && length === 4) message.infMaxRt = int32At(bytes, at) >>> 0;
    else if (code === IA_NA && length >= 12 && int32At(bytes, at) === (iaid | 0)) {
      message.association = readAssociation(bytes, at, stop);
      whole &&= message.association !== undefined;
    }
  });
  return good && whole ? message : undefined;
}

function readAssociation(bytes: Uint8Array, start: number, end: number): Association | undefined {
  const addresses: LeasedAddress[] = [];
  let status = SUCCESS;
  let whole = true;
  const good = walk(bytes, start + 12, end, (code, at, stop) => {
    if (code === STATUS_CODE && stop - at >= 2) status = uint16At(bytes, at);
    if (code !== IA_ADDRESS || stop - at < 24 || addresses.length === MOST_ADDRESSES) return;
    let refused = false;
    whole &&= walk(bytes, at + 24, stop, (inner, from, until) => {
      refused ||= inner === STATUS_CODE && until - from >= 2 && uint16At(bytes, from) !== SUCCESS;
    });
    const one = {
      address: bytes.slice(at, at + 16),
      preferred: seconds(bytes, at + 16),
      valid: seconds(bytes, at + 20),
    };
    // RFC 8415 21.6: one that is preferred longer than it is valid is none.
    if (refused || one.preferred > one.valid) return;
    if (!isNoHost(one.address) && !isLinkLocal(one.address)) addresses.push(one);
  });
  if (!good || !whole) return undefined;
  return {
    iaid: int32At(bytes, start),
    t1: seconds(bytes, start + 4),
    t2: seconds(bytes, start + 8),
    addresses,
    status,
  };
}
