/** Who asks: one connection's worth of frames by hand, and the answers as text that two hosts can be compared by. */
import {
  ACK,
  arp,
  checksum,
  concat,
  ethernet,
  ICMP,
  ip,
  ipv4,
  readArp,
  readIp,
  readTcp,
  type Segment,
  SYN,
  TCP,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  UDP,
  view,
} from '../../sim/packets.js';
import { OPEN, type OracleSubject } from './subject.js';

export const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
export const PEER = ip('10.0.0.2');
const ISN = 1_000_000;
const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];
const OPTION_NAMES: Readonly<Record<number, string>> = { 2: 'mss', 3: 'ws', 4: 'sackOK', 5: 'sack', 8: 'ts' };
/** ms in which whoever is going to answer has answered. */
const SOON = 60;

export interface Sent extends Partial<Omit<Segment, 'seq' | 'ack'>> {
  /** From our SYN (0) and from theirs. */
  readonly seq?: number;
  readonly ack?: number;
}

/** MSS 1460, SACK, timestamps (value 1000), window scale 7. */
export const ALL_OPTIONS = Uint8Array.of(2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7);
export const MSS = Uint8Array.of(2, 4, 5, 180);
export const SACK = Uint8Array.of(2, 4, 5, 180, 1, 1, 4, 2);

export function timestamp(value: number, echo: number): Uint8Array {
  const option = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  view(option).setUint32(4, value);
  view(option).setUint32(8, echo);
  return option;
}

export class Peer {
  /** What was answered, in the order of the looks. */
  readonly lines: string[] = [];
  /** Their initial sequence number, and the newest timestamp of theirs. */
  iss = 0;
  theirTimestamp = 0;
  /** Another one where what is learnt of its path must not stay for the others. */
  address = PEER;
  private answers: string[] = [];
  /** Bytes of data since the last look. */
  private bytes = 0;
  private readonly stop: () => void;

  constructor(
    readonly subject: OracleSubject,
    readonly port: number,
  ) {
    this.stop = subject.listen((frame) => this.hear(frame));
  }

  close(): void {
    this.stop();
  }

  private hear(frame: Uint8Array): void {
    const question = readArp(frame);
    if (question !== undefined) {
      if (question.operation === 1 && question.target === this.address)
        this.sayWhere(question.senderMac, question.sender);
      return;
    }
    const packet = readIp(frame);
    if (packet === undefined || packet.destination !== this.address || packet.protocol !== TCP) return;
    const segment = readTcp(packet.payload);
    if (segment === undefined || segment.to !== this.port) return;
    this.answers.push(this.describe(segment, packet.payload));
  }

  private sayWhere(to: Uint8Array, address: number): void {
    const answer = { operation: 2, senderMac: PEER_MAC, sender: this.address, targetMac: to, target: address };
    this.subject.send(ethernet(to, PEER_MAC, TYPE_ARP, arp(answer)));
  }

  private describe(segment: NonNullable<ReturnType<typeof readTcp>>, bytes: Uint8Array): string {
    const { flags, seq, ack, header } = segment;
    if ((flags & SYN) !== 0) this.iss = seq;
    const names = FLAGS.filter((_, i) => (flags & (1 << i)) !== 0)
      .filter((name) => name !== 'P')
      .join('');
    const parts = [names];
    // A RST that answers nothing carries what it was told, as it is.
    if ((flags & 4) !== 0) parts.push(`seq=${seq === 0 ? '0' : this.relative(seq)}`);
    else if (this.iss !== 0 && (flags & SYN) === 0) parts.push(`seq=${(seq - this.iss) | 0}`);
    if ((flags & ACK) !== 0) parts.push(`ack=${(ack - ISN) | 0}`);
    const length = bytes.length - header;
    this.bytes += length;
    if (length > 0) parts.push(`data=${length}`);
    if (view(bytes).getUint16(14) === 0 && (flags & 4) === 0) parts.push('win=0');
    const options = this.options(bytes, header);
    if (options !== '') parts.push(options);
    return parts.join(' ');
  }

  private relative(seq: number): number {
    return this.iss === 0 ? seq : (seq - this.iss) | 0;
  }

  private options(bytes: Uint8Array, header: number): string {
    const names: string[] = [];
    for (let at = 20; at < header; ) {
      const kind = bytes[at] as number;
      if (kind === 0) break;
      if (kind === 1) {
        at++;
        continue;
      }
      const data = view(bytes);
      if (kind === 8) this.theirTimestamp = data.getUint32(at + 2);
      let name = OPTION_NAMES[kind] ?? `option${kind}`;
      if (kind === 5) {
        const blocks: string[] = [];
        for (let b = at + 2; b < at + (bytes[at + 1] as number); b += 8) {
          blocks.push(`${(data.getInt32(b) - ISN) | 0}-${(data.getInt32(b + 4) - ISN) | 0}`);
        }
        name = `sack(${blocks.join(',')})`;
      }
      names.push(name);
      at += bytes[at + 1] as number;
    }
    return names.sort().join(' ');
  }

  /** Sends a segment. */
  send(flags: number, fields?: Sent, spoil?: (packet: Uint8Array) => void): void {
    const packet = this.packet(flags, fields);
    spoil?.(packet);
    this.frame(packet);
  }

  /** A segment with SACK blocks. */
  sack(seq: number, ack: number, ...blocks: readonly (readonly [number, number])[]): void {
    const options = new Uint8Array(4 + blocks.length * 8);
    options.set([1, 1, 5, 2 + blocks.length * 8]);
    const data = view(options);
    blocks.forEach(([left, right], i) => {
      data.setInt32(4 + i * 8, (this.iss + left) | 0);
      data.setInt32(8 + i * 8, (this.iss + right) | 0);
    });
    this.send(ACK, { seq, ack, options });
  }

  /** A segment that they may have sent, from `seq` on: for an error to quote. */
  theirs(seq: number): Uint8Array {
    const payload = new Uint8Array(1460);
    return tcp({
      ...{ source: this.subject.address, from: OPEN, destination: this.address, to: this.port, flags: ACK, payload },
      ...{ seq: (this.iss + seq) | 0, ack: (ISN + 1) | 0 },
    });
  }

  icmp(payload: Uint8Array): void {
    view(payload).setUint16(2, checksum(payload));
    this.frame(ipv4({ source: PEER, destination: this.subject.address, protocol: ICMP, payload }));
  }

  /** The packet with `payload` cut at these offsets, each a multiple of eight. */
  fragments(packet: Uint8Array, at: readonly number[]): void {
    const id = this.port;
    at.forEach((from, i) => {
      this.frame(piece(packet, id, from, at[i + 1] ?? packet.length - 20));
    });
  }

  /** The checksum of a segment without payload, anew. */
  reseal(packet: Uint8Array): void {
    packet.fill(0, 36, 38);
    const pseudo = concat(packet.subarray(12, 20), Uint8Array.of(0, TCP, 0, packet.length - 20));
    view(packet).setUint16(36, checksum(pseudo, packet.subarray(20)));
  }

  resealIp(packet: Uint8Array): void {
    seal(packet);
  }

  packet(flags: number, { seq = 0, ack = 0, ...more }: Sent = {}): Uint8Array {
    const segment = {
      ...{ source: this.address, from: this.port, destination: this.subject.address, to: OPEN, flags },
      ...{ seq: (ISN + seq) | 0, ack: (flags & ACK) === 0 ? 0 : (this.iss + ack) | 0 },
      ...more,
    };
    return tcp(segment);
  }

  /** An IP packet in a frame. */
  frame(packet: Uint8Array, to = this.subject.mac): void {
    this.subject.send(ethernet(to, PEER_MAC, TYPE_IPV4, packet));
  }

  /** Waits, and notes what came. */
  async look(what: string, ms = SOON): Promise<void> {
    await this.subject.wait(ms);
    this.lines.push(`${what}: ${this.answers.length === 0 ? 'nothing' : this.answers.join('; ')}`);
    this.answers = [];
    this.bytes = 0;
  }

  /** Waits, and notes whether more bytes came than `most`. */
  async paid(what: string, most: number, ms = SOON): Promise<void> {
    await this.subject.wait(ms);
    this.lines.push(`${what}: ${this.bytes <= most ? `${most} bytes at most` : `${this.bytes} bytes`}`);
    this.answers = [];
    this.bytes = 0;
  }

  /** A handshake; its SYN-ACK is not noted. */
  async open(options: Uint8Array = MSS, window = 65_535): Promise<void> {
    this.send(SYN, { options, window });
    await this.subject.wait(SOON);
    const stamped = options === ALL_OPTIONS ? { options: timestamp(1001, this.theirTimestamp) } : {};
    this.send(ACK, { seq: 1, ack: 1, window, ...stamped });
    await this.subject.accepted(this.port);
    this.answers = [];
  }
}

/** Who asks without a connection: notes ARP, ICMP and fragments instead. */
export class Datagrams {
  readonly lines: string[] = [];
  private answers: string[] = [];
  private pieces = 0;
  private readonly stop: () => void;

  constructor(readonly subject: OracleSubject) {
    this.stop = subject.listen((frame) => this.hear(frame));
  }

  close(): void {
    this.stop();
  }

  private hear(frame: Uint8Array): void {
    const question = readArp(frame);
    if (question !== undefined) {
      if (question.operation === 1 && question.target === PEER) {
        const answer = {
          operation: 2,
          senderMac: PEER_MAC,
          sender: PEER,
          targetMac: question.senderMac,
          target: question.sender,
        };
        this.subject.send(ethernet(question.senderMac, PEER_MAC, TYPE_ARP, arp(answer)));
      } else this.answers.push(question.operation === 2 ? 'ARP reply' : 'ARP announcement');
      return;
    }
    const packet = readIp(frame);
    if (packet === undefined || packet.destination !== PEER) return;
    const field = view(packet.bytes).getUint16(6);
    if ((field & 0x3fff) !== 0) {
      this.pieces += packet.payload.length;
      if ((field & 0x2000) !== 0) return;
      this.answers.push(`fragments with ${this.pieces} bytes`);
      this.pieces = 0;
      return;
    }
    const options =
      (packet.header > 20 ? ` with IP options ${[...packet.bytes.subarray(20, packet.header)].join(',')}` : '') +
      (packet.bytes[1] === 0 || packet.payload[0] !== 0 ? '' : ` class ${packet.bytes[1]}`) +
      (frame[5] === PEER_MAC[5] ? '' : ' to another MAC');
    if (packet.protocol === ICMP) {
      const [type, code] = packet.payload;
      // How much of a datagram an error quotes is free (RFC 1812 4.3.2.3).
      const size = type === 0 ? ` ${packet.payload.length - 8} bytes` : '';
      this.answers.push(`ICMP ${type}/${code}${size}${options}`);
    } else if (packet.protocol === UDP) this.answers.push('UDP');
  }

  packet(packet: Uint8Array, to = this.subject.mac): void {
    this.subject.send(ethernet(to, PEER_MAC, TYPE_IPV4, packet));
  }

  arp(fields: Partial<Parameters<typeof arp>[0]>, to = this.subject.mac): void {
    const all = {
      operation: 1,
      senderMac: PEER_MAC,
      sender: PEER,
      targetMac: new Uint8Array(6),
      target: this.subject.address,
    };
    this.subject.send(ethernet(to, PEER_MAC, TYPE_ARP, arp({ ...all, ...fields })));
  }

  async look(what: string, ms = SOON): Promise<void> {
    await this.subject.wait(ms);
    this.lines.push(`${what}: ${this.answers.length === 0 ? 'nothing' : this.answers.join('; ')}`);
    this.answers = [];
  }
}

export function echo(size: number, type = 8): Uint8Array {
  const bytes = new Uint8Array(8 + size).fill(7, 8);
  bytes[0] = type;
  bytes[5] = 9;
  view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

export function seal(packet: Uint8Array): Uint8Array {
  const header = ((packet[0] as number) & 15) * 4;
  view(packet).setUint16(10, 0);
  view(packet).setUint16(10, checksum(packet.subarray(0, header)));
  return packet;
}

export function ping(d: Datagrams, payload = echo(20), destination = d.subject.address): Uint8Array {
  return ipv4({ source: PEER, destination, protocol: ICMP, payload });
}

export function withOptions(packet: Uint8Array, options: readonly number[]): Uint8Array {
  const longer = concat(packet.subarray(0, 20), Uint8Array.from(options), packet.subarray(20));
  longer[0] = 0x40 | (5 + options.length / 4);
  view(longer).setUint16(2, longer.length);
  return seal(longer);
}

/** `[from, to)` of what follows the header, as a fragment. */
export function piece(packet: Uint8Array, id: number, from: number, to: number): Uint8Array {
  const cut = concat(packet.subarray(0, 20), packet.subarray(20 + from, 20 + to));
  view(cut).setUint16(2, cut.length);
  view(cut).setUint16(4, id);
  view(cut).setUint16(6, (20 + to < packet.length ? 0x2000 : 0) | (from / 8));
  return seal(cut);
}
