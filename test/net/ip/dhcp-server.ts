/** What the test says as a DHCP server, and what it understands of the client; written apart from src/net/wire. */
import { concat, ip, type readIp, UDP, udp, view } from '../../sim/packets.js';
import { type Laboratory, OUR_MAC } from './laboratory.js';

export const DISCOVER = 1;
export const OFFER = 2;
export const REQUEST = 3;
export const DECLINE = 4;
export const ACK = 5;
export const NAK = 6;
export const RELEASE = 7;

export const SERVER = ip('10.0.0.254');
export const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xfe);

export interface Said {
  readonly type: number;
  readonly xid: number;
  readonly secs: number;
  readonly clientAddress: number;
  readonly destination: number;
  readonly source: number;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export const int = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  view(bytes).setInt32(0, value | 0);
  return bytes;
};
export const option = (code: number, value: Uint8Array): Uint8Array => concat(Uint8Array.of(code, value.length), value);

function understand(packet: NonNullable<ReturnType<typeof readIp>>): Said | undefined {
  if (packet.protocol !== UDP || view(packet.payload).getUint16(2) !== 67) return undefined;
  const message = packet.payload.subarray(8);
  const options = new Map<number, Uint8Array>();
  for (let at = 240; at < message.length && message[at] !== 255; ) {
    if (message[at] === 0) {
      at++;
      continue;
    }
    const length = message[at + 1] as number;
    options.set(message[at] as number, message.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return {
    type: options.get(53)?.[0] ?? 0,
    xid: view(message).getInt32(4),
    secs: view(message).getUint16(8),
    clientAddress: view(message).getInt32(12),
    destination: packet.destination,
    source: packet.source,
    options,
  };
}

/** The client's messages since the last look. */
export function heard(lab: Laboratory): Said[] {
  return lab.takeIp().flatMap((packet) => understand(packet) ?? []);
}

/** A reply as a whole UDP packet: to the offered address, or to everybody. */
export function reply(
  type: number,
  xid: number,
  your: number,
  extra: readonly Uint8Array[] = [],
  { server = SERVER, mac = OUR_MAC, change = (_m: Uint8Array): void => {}, port = 67, source = SERVER } = {},
): Uint8Array {
  const head = new Uint8Array(240);
  head[0] = 2;
  head[1] = 1;
  head[2] = 6;
  view(head).setInt32(4, xid);
  view(head).setInt32(16, your);
  head.set(mac, 28);
  view(head).setUint32(236, 0x63825363);
  const message = concat(head, option(53, Uint8Array.of(type)), option(54, int(server)), ...extra, Uint8Array.of(255));
  change(message);
  return udp(source === SERVER ? server : source, port, ip('255.255.255.255'), 68, message);
}

/** Netmask, router, and a lease of so many seconds. */
export function terms(seconds: number): Uint8Array[] {
  return [option(1, int(ip('255.255.255.0'))), option(3, int(ip('10.0.0.1'))), option(51, int(seconds))];
}
