/** What a client says: the fields and options of each message (RFC 2131 4.4.1, table 5), over UDP from its port. */
import type { Ipv4 } from '../ip/contracts/ip-output.js';
import type { Stack } from '../ip/stack.js';
import type { OnDatagram, UdpPort } from '../ip/udp.js';
import { buildDhcp, DECLINE, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DISCOVER, RELEASE, REQUEST } from '../wire/dhcp.js';
import { putInt32 } from '../wire/tcp.js';
import type { Lease } from './lease.js';

/** Option codes (RFC 2132). */
const HOST_NAME = 12;
const REQUESTED_ADDRESS = 50;
const SERVER_IDENTIFIER = 54;
const PARAMETER_REQUEST_LIST = 55;
const MAXIMUM_MESSAGE_SIZE = 57;
const CLIENT_IDENTIFIER = 61;

/**
 * What option 55 asks for: netmask, routes, router, DNS, host, domain, MTU, broadcast, NTP, lease time, server, T1, T2.
 */
const WANTED = Uint8Array.of(1, 121, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59);

const ANY_SERVER: Ipv4 = -1;

type Options = readonly [number, Uint8Array][];

function bytesOf(address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(4);
  putInt32(bytes, 0, address);
  return bytes;
}

export class ClientMessages {
  /** The transaction that an answer must name. */
  xid = 0;
  /**
   * When the client began to acquire or to renew its address; DISCOVER and REQUEST say how long ago that was (`secs`).
   */
  began = 0;
  /** `secs` of the last DISCOVER: the REQUEST that takes an offer has the same (RFC 2131 3.1 (3)). */
  private discovered = 0;
  private port: UdpPort | undefined = undefined;

  constructor(
    private readonly stack: Stack,
    private readonly hostname: string | undefined,
  ) {}

  /** Throws when another client of this stack has the port. */
  open(onDatagram: OnDatagram): void {
    this.port = this.stack.udp.bind(DHCP_CLIENT_PORT, onDatagram);
  }

  close(): void {
    this.port?.close();
  }

  newTransaction(): void {
    this.xid = this.stack.random.random32();
  }

  discover(now: number): void {
    this.discovered = this.elapsed(now);
    this.send(DISCOVER, 0, ANY_SERVER, this.discovered, []);
  }

  /** Takes an offer, which refuses all the others (RFC 2131 4.3.2, SELECTING). */
  requestOffered(address: Ipv4, server: Ipv4): void {
    this.send(REQUEST, 0, ANY_SERVER, this.discovered, [
      [REQUESTED_ADDRESS, bytesOf(address)],
      [SERVER_IDENTIFIER, bytesOf(server)],
    ]);
  }

  /** Asks whether the address of the last time can be had again (RFC 2131 4.3.2, INIT-REBOOT). */
  requestAgain(address: Ipv4, now: number): void {
    this.send(REQUEST, 0, ANY_SERVER, this.elapsed(now), [[REQUESTED_ADDRESS, bytesOf(address)]]);
  }

  /** RFC 2131 4.3.2, RENEWING and REBINDING: neither server identifier nor requested address, `ciaddr` instead. */
  requestExtension(address: Ipv4, server: Ipv4 | undefined, now: number): void {
    this.send(REQUEST, address, server ?? ANY_SERVER, this.elapsed(now), []);
  }

  /** Another host uses the address. RFC 2131 table 5: `secs` is 0. */
  decline(lease: Lease): void {
    this.send(DECLINE, 0, ANY_SERVER, 0, [
      [REQUESTED_ADDRESS, bytesOf(lease.address)],
      [SERVER_IDENTIFIER, bytesOf(lease.server)],
    ]);
  }

  /** RFC 2131 4.4.6. */
  release(lease: Lease): void {
    this.send(RELEASE, lease.address, lease.server, 0, [[SERVER_IDENTIFIER, bytesOf(lease.server)]]);
  }

  private elapsed(now: number): number {
    return Math.floor((now - this.began) / 1000);
  }

  private send(type: number, clientAddress: Ipv4, to: Ipv4, secs: number, options: Options): void {
    const { mac } = this.stack.device;
    const all: [number, Uint8Array][] = [[CLIENT_IDENTIFIER, Uint8Array.of(1, ...mac)], ...options];
    if (type === DISCOVER || type === REQUEST) {
      all.push([MAXIMUM_MESSAGE_SIZE, Uint8Array.of(1500 >> 8, 1500 & 255)], [PARAMETER_REQUEST_LIST, WANTED]);
      const { hostname } = this;
      if (hostname !== undefined && hostname !== '') {
        all.push([HOST_NAME, new TextEncoder().encode(hostname).subarray(0, 63)]);
      }
    }
    const message = buildDhcp({ type, xid: this.xid, secs, clientAddress, mac, options: all });
    // RFC 2131 4.1: without an address that is known to be good here, 0.0.0.0, also where the stack still has one.
    const from = clientAddress === 0 ? { source: 0 } : {};
    this.port?.send(message, to, DHCP_SERVER_PORT, from);
  }
}
