/** Datagrams on our own stack. */
import {
  type Datagram,
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  type OnDatagram,
} from '../../datagrams.js';
import type { Ipv4 } from '../../ip/contracts/ip-output.js';
import type { Udp, UdpPort } from '../../ip/udp.js';
import type { Random } from '../../random.js';
import { int32At } from '../../wire/tcp.js';

/** RFC 6335 6: the dynamic ports. */
const FIRST_DYNAMIC = 49_152;
const DYNAMIC = 16_384;
const TRIES = 64;
/** The longest payload of a datagram over IPv4 (RFC 768). */
const MAX_PAYLOAD = 65_507;

/** What the ports of a stack share. */
interface Shared {
  readonly enter: (callback: () => void) => void;
  readonly payloads: Payloads;
}

export class StackDatagrams implements Datagrams {
  private readonly shared: Shared;

  /** `enter` runs a callback as an entry of the stack; `address`: ours, in text. */
  constructor(
    private readonly udp: Udp,
    private readonly random: Random,
    enter: (callback: () => void) => void,
    private readonly address: () => string | undefined,
  ) {
    this.shared = { enter, payloads: new Payloads() };
  }

  bind(port: number, onDatagram: OnDatagram): Promise<DatagramPort> {
    // An async function's throw is a rejection.
    return Promise.resolve().then(() => (port === 0 ? this.bindAny(onDatagram) : this.bindTo(port, onDatagram)));
  }

  /** RFC 6056 3.3.1: an unpredictable port. */
  private bindAny(onDatagram: OnDatagram): DatagramPort {
    for (let tries = 0; tries < TRIES; tries++) {
      const port = FIRST_DYNAMIC + ((this.random.random32() >>> 0) % DYNAMIC);
      if (!this.udp.isBound(port)) return this.bindTo(port, onDatagram);
    }
    throw new Error('no UDP port is free');
  }

  private bindTo(port: number, onDatagram: OnDatagram): DatagramPort {
    return new StackPort(this.udp, port, onDatagram, this.shared, this.address() ?? '0.0.0.0');
  }
}

/** Payloads on their way to the stack, which takes one as an array of its own length: views by length, made once. */
class Payloads {
  private readonly scratch = new Uint8Array(MAX_PAYLOAD);
  private readonly views: Uint8Array[] = [];

  /** Valid until the next call. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    this.views[length] ??= this.scratch.subarray(0, length);
    const payload = this.views[length]!;
    for (let i = 0; i < length; i++) payload[i] = bytes[start + i];
    return payload;
  }
}

class StackPort implements DatagramPort {
  readonly endpoint: { readonly address: string; readonly port: number };
  private readonly bound: UdpPort;
  private readonly source = datagramAddress();
  private readonly local = datagramAddress();
  /** Used again for each datagram. */
  private readonly datagram: { -readonly [key in keyof Datagram]: Datagram[key] } = {
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
    source: this.source,
    local: this.local,
  };
  constructor(
    udp: Udp,
    port: number,
    onDatagram: OnDatagram,
    private readonly shared: Shared,
    address: string,
  ) {
    this.endpoint = { address, port };
    const { datagram } = this;
    this.bound = udp.bind(port, (bytes, start, end, source, sourcePort, destination) => {
      setIpv4(this.source, source, sourcePort);
      setIpv4(this.local, destination, port);
      datagram.bytes = bytes;
      datagram.start = start;
      datagram.end = end;
      onDatagram(this, datagram);
    });
  }

  send(bytes: Uint8Array, start: number, end: number, to: DatagramAddress): boolean {
    // Our IPv4 has one address, which is the source of all that it sends.
    if (to.length !== 4 || end - start > MAX_PAYLOAD) return false;
    const payload = this.shared.payloads.copy(bytes, start, end);
    let sent = false;
    this.shared.enter(() => {
      sent = this.bound.send(payload, int32At(to.bytes, 0), to.port);
    });
    return sent;
  }

  close(): void {
    this.bound.close();
  }
}

function setIpv4(into: DatagramAddress, address: Ipv4, port: number): void {
  const { bytes } = into;
  bytes[0] = address >>> 24;
  bytes[1] = address >>> 16;
  bytes[2] = address >>> 8;
  bytes[3] = address;
  into.length = 4;
  into.port = port;
  into.scope = 0;
}
