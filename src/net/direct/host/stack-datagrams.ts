/** Datagrams on our own stack. */
import {
  type Datagram,
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  type OnDatagram,
} from '../../datagrams.js';
import { type Handle, isIpv6 } from '../../ip/contracts/ip-output.js';
import type { Stack } from '../../ip/stack.js';
import type { UdpPort } from '../../ip/udp.js';
import { OURS } from '../../ip/v6/link.js';
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
  readonly stack: Stack;
  readonly enter: (callback: () => void) => void;
  readonly payloads: Payloads;
}

export class StackDatagrams implements Datagrams {
  private readonly shared: Shared;

  /** `enter` runs a callback as an entry of the stack; `address`: ours, in text. */
  constructor(
    private readonly stack: Stack,
    private readonly random: Random,
    enter: (callback: () => void) => void,
    private readonly address: () => string | undefined,
  ) {
    this.shared = { stack, enter, payloads: new Payloads() };
  }

  bind(port: number, onDatagram: OnDatagram): Promise<DatagramPort> {
    // An async function's throw is a rejection.
    return Promise.resolve().then(() => (port === 0 ? this.bindAny(onDatagram) : this.bindTo(port, onDatagram)));
  }

  /** RFC 6056 3.3.1: an unpredictable port. */
  private bindAny(onDatagram: OnDatagram): DatagramPort {
    for (let tries = 0; tries < TRIES; tries++) {
      const port = FIRST_DYNAMIC + ((this.random.random32() >>> 0) % DYNAMIC);
      if (!this.stack.udp.isBound(port)) return this.bindTo(port, onDatagram);
    }
    throw new Error('no UDP port is free');
  }

  private bindTo(port: number, onDatagram: OnDatagram): DatagramPort {
    return new StackPort(port, onDatagram, this.shared, this.address() ?? '0.0.0.0');
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
    port: number,
    onDatagram: OnDatagram,
    private readonly shared: Shared,
    address: string,
  ) {
    this.endpoint = { address, port };
    const { datagram } = this;
    this.bound = shared.stack.udp.bind(port, (received) => {
      this.set(this.source, received.source, received.sourcePort);
      this.set(this.local, received.destination, port);
      datagram.bytes = received.bytes;
      datagram.start = received.start;
      datagram.end = received.end;
      onDatagram(this, datagram);
    });
  }

  private set(into: DatagramAddress, address: Handle, port: number): void {
    const { bytes } = into;
    into.port = port;
    if (isIpv6(address)) {
      this.shared.stack.peers.write(address, bytes, 0);
      into.length = 16;
      return;
    }
    bytes[0] = address >>> 24;
    bytes[1] = address >>> 16;
    bytes[2] = address >>> 8;
    bytes[3] = address;
    into.length = 4;
  }

  send(bytes: Uint8Array, start: number, end: number, to: DatagramAddress, from?: DatagramAddress): boolean {
    if (to.length === 0 || end - start > MAX_PAYLOAD) return false;
    const payload = this.shared.payloads.copy(bytes, start, end);
    let sent = false;
    this.shared.enter(() => {
      const source = from === undefined ? undefined : this.own(from);
      sent = this.bound.send(payload, this.handle(to), to.port, source === undefined ? undefined : { source });
    });
    return sent;
  }

  /** An IPv6 address has its handle until the end of the entry. */
  private handle({ bytes, length }: DatagramAddress): Handle {
    return length === 16 ? this.shared.stack.peers.intern(bytes) : int32At(bytes, 0);
  }

  /** Undefined: it is none of ours, as a group's and a broadcast address are not. */
  private own(from: DatagramAddress): Handle | undefined {
    const { stack } = this.shared;
    if (from.length === 4) return stack.isOurs(int32At(from.bytes, 0)) ? int32At(from.bytes, 0) : undefined;
    const known = from.length === 16 ? stack.peers.find(from.bytes) : 0;
    return (stack.peers.markOf(known) & OURS) === 0 ? undefined : known;
  }

  close(): void {
    this.bound.close();
  }
}
