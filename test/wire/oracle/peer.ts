/** Who asks: one connection's worth of frames by hand, and the answers as text that two hosts can be compared by. */
import {
  ACK,
  arp,
  ethernet,
  ICMP,
  ip,
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
  private answers: string[] = [];
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
      if (question.operation === 1 && question.target === PEER) this.sayWhere(question.senderMac, question.sender);
      return;
    }
    const packet = readIp(frame);
    if (packet === undefined || packet.destination !== PEER || packet.protocol !== TCP) return;
    const segment = readTcp(packet.payload);
    if (segment === undefined || segment.to !== this.port) return;
    this.answers.push(this.describe(segment, packet.payload));
  }

  private sayWhere(to: Uint8Array, address: number): void {
    const answer = { operation: 2, senderMac: PEER_MAC, sender: PEER, targetMac: to, target: address };
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
  send(flags: number, { seq = 0, ack = 0, ...more }: Sent = {}, spoil?: (packet: Uint8Array) => void): void {
    const segment = {
      ...{ source: PEER, from: this.port, destination: this.subject.address, to: OPEN, flags },
      ...{ seq: (ISN + seq) | 0, ack: (flags & ACK) === 0 ? 0 : (this.iss + ack) | 0 },
      ...more,
    };
    const packet = tcp(segment);
    spoil?.(packet);
    this.frame(packet);
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
  }

  /** A handshake; its SYN-ACK is not noted. */
  async open(options: Uint8Array = MSS, window = 65_535): Promise<void> {
    this.send(SYN, { options, window });
    await this.subject.wait(SOON);
    const stamped = options === ALL_OPTIONS ? { options: timestamp(1001, this.theirTimestamp) } : {};
    this.send(ACK, { seq: 1, ack: 1, window, ...stamped });
    await this.subject.wait(SOON);
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
    const options = packet.header > 20 ? ' with IP options' : '';
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
