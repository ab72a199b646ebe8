/** A name server in memory: virtual time, random numbers from a seed, datagrams and connections without a network. */

import { type AnsweredZone, compileZone } from '../../src/dns/answer/compile.js';
import { DnsServer, type DnsServerOptions } from '../../src/dns/serve/server.js';
import type { TYPE } from '../../src/dns/wire/constants.js';
import { hasErrors, loadZone, type Self, zoneOf } from '../../src/dns/zone/load.js';
import {
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  type OnDatagram,
} from '../../src/net/datagrams.js';
import type { Accept, Listener } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { formatIp, parseIp } from '../../src/net/ip-text.js';
import { NodeCrypto } from '../../src/serve/names/node-crypto.js';
import { MemoryFlow } from '../http/memory-flow.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { type Message, type QueryOptions, query, read } from './message.js';

export interface Sent {
  readonly port: number;
  readonly to: string;
  readonly bytes: Uint8Array;
}

/** Ports that hand datagrams to each other and to the test. */
export class MemoryDatagrams implements Datagrams {
  readonly sent: Sent[] = [];
  private readonly ports = new Map<number, { port: DatagramPort; onDatagram: OnDatagram }>();
  private next = 40_000;

  async bind(asked: number, onDatagram: OnDatagram): Promise<DatagramPort> {
    const number = asked === 0 ? this.next++ : asked;
    if (this.ports.has(number)) throw new Error(`port ${number} is in use`);
    const port: DatagramPort = {
      endpoint: { address: '192.0.2.53', port: number },
      send: (bytes, start, end, to) => {
        this.sent.push({ port: number, to: textOf(to), bytes: bytes.slice(start, end) });
        return true;
      },
      close: () => void this.ports.delete(number),
    };
    this.ports.set(number, { port, onDatagram });
    return port;
  }

  get open(): number {
    return this.ports.size;
  }

  /** Hands a datagram to a port, in a buffer that is overwritten afterwards. `from`: `address@port`. */
  deliver(number: number, payload: Uint8Array, from = '198.51.100.7@4000'): void {
    const buffer = new Uint8Array(payload.length + 8).fill(0x58);
    buffer.set(payload, 3);
    const { port, onDatagram } = this.ports.get(number)!;
    onDatagram(port, {
      bytes: buffer,
      start: 3,
      end: 3 + payload.length,
      source: addressOf(from),
      local: datagramAddress(),
    });
    buffer.fill(0x0a);
  }
}

export function addressOf(text: string): DatagramAddress {
  const [host, port] = text.split('@');
  const address = datagramAddress();
  const bytes = parseIp(host!)!;
  address.bytes.set(bytes);
  address.length = bytes.length as 4 | 16;
  address.port = Number(port ?? 53);
  return address;
}

function textOf({ bytes, length, port }: DatagramAddress): string {
  return `${formatIp(bytes.subarray(0, length))}@${port}`;
}

export function zone(text: string, self: Self = new Map(), file = 'test.zone'): AnsweredZone {
  const loaded = loadZone(Buffer.from(text, 'latin1'), file);
  if (hasErrors(loaded.problems))
    throw new Error(loaded.problems.map((one) => `${one.line}: ${one.message}`).join('\n'));
  return compileZone(zoneOf(loaded, self));
}

export class NameServerInMemory {
  readonly clock = new VirtualClock();
  readonly datagrams = new MemoryDatagrams();
  readonly server: DnsServer;
  private accept: Accept = () => undefined;
  listening = false;

  constructor(zones: readonly AnsweredZone[], options: Partial<DnsServerOptions> = {}, seed = 1) {
    this.server = new DnsServer({
      zones,
      clock: this.clock,
      random: new SeededRandom(seed),
      crypto: new NodeCrypto(),
      rate: 0,
      ...options,
    });
  }

  async open(): Promise<this> {
    const network = {
      listen: async (port: number, accept: Accept): Promise<Listener> => {
        this.accept = accept;
        this.listening = true;
        return { endpoint: { address: '192.0.2.53', port }, close: () => this.stop() };
      },
    };
    await this.server.open(this.datagrams, network, 53);
    return this;
  }

  private stop(): void {
    this.listening = false;
  }

  /** What comes back for a datagram; undefined: nothing. */
  exchange(bytes: Uint8Array, from?: string): Uint8Array | undefined {
    const before = this.datagrams.sent.length;
    this.datagrams.deliver(53, bytes, from);
    const sent = this.datagrams.sent.slice(before);
    if (sent.length > 1) throw new Error(`${sent.length} answers to one datagram`);
    return sent[0]?.bytes;
  }

  ask(qname: string, qtype: keyof typeof TYPE | number, options: QueryOptions = {}, from?: string): Message {
    const bytes = this.exchange(query(qname, qtype, options), from);
    if (bytes === undefined) throw new Error(`no answer to ${qname} ${qtype}`);
    return read(bytes);
  }

  connect(address?: string): MemoryFlow {
    return MemoryFlow.connect(this.accept, address);
  }

  /** The same over TCP. */
  askTcp(qname: string, qtype: keyof typeof TYPE | number, options: QueryOptions = {}): Message {
    const flow = this.connect();
    flow.send(framed(query(qname, qtype, options)));
    const [message] = messages(flow.received);
    if (message === undefined) throw new Error(`no answer to ${qname} ${qtype} over TCP`);
    return read(message);
  }
}

/** A message with its length before it. */
export function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.from([message.length >> 8, message.length & 255, ...message]);
}

/** The whole messages of a stream. */
export function messages(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
    if (end > bytes.length) break;
    found.push(bytes.slice(at + 2, end));
    at = end;
  }
  return found;
}
