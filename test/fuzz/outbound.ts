/** Looks at every frame that the stack under fuzz sends: is it well made, may it be sent at all, what does it tell? */
import {
  ACK,
  checksum,
  concat,
  ICMP,
  RST,
  readArp,
  readIp,
  readTcp,
  SYN,
  TCP,
  TYPE_ARP,
  TYPE_IPV4,
  UDP,
  view,
} from '../sim/packets.js';
import { OUR_MAC, PATTERN, Problem, type Subject } from './subject.js';
import { View } from './view.js';

/** The newest packets of ours that an ICMP error may quote. */
const QUOTABLE = 32;

export class Outbound {
  /** IP packets that were sent, the newest last. */
  readonly packets: Uint8Array[] = [];
  /** Addresses that the stack asked for by ARP and nobody answered yet. */
  readonly questions: number[] = [];
  /** The transaction of the last DHCP message. */
  dhcpTransaction = 0;
  private frames = 0;
  private input: { rst: boolean; error: boolean; group: boolean } | undefined;

  constructor(private readonly subject: Subject) {}

  begin(frame: Uint8Array): void {
    const packet = readIp(frame);
    // A fragment may complete anything.
    const whole = packet !== undefined && (view(packet.bytes).getUint16(6) & 0x3fff) === 0;
    const tcp = whole && packet.protocol === TCP ? readTcp(packet.payload) : undefined;
    const type = whole && packet.protocol === ICMP ? (packet.payload[0] ?? 8) : 8;
    this.input = {
      rst: tcp !== undefined && (tcp.flags & RST) !== 0,
      error: type === 3 || type === 11 || type === 12 || type === 4 || type === 5,
      group: packet !== undefined && ((frame[0] ?? 0) & 1) !== 0,
    };
    this.frames = 0;
  }

  end(most: number): void {
    this.input = undefined;
    this.limit(most);
  }

  limit(most: number): void {
    if (this.frames > most) throw new Problem(`${this.frames} frames left at once`);
    this.frames = 0;
  }

  /** Datagrams under reassembly and their bytes, and answers that wait for a neighbour, in one number. */
  pieces(): number {
    const { stack } = this.subject;
    const { reassembly } = stack.ipv4 as unknown as { reassembly: { size: number; memory: number } };
    const { asking } = stack.arp.neighbours as unknown as { asking: Map<number, { queue: unknown[] | undefined }> };
    let kept = 0;
    for (const one of asking.values()) kept += one.queue?.length ?? 0;
    return reassembly.size * 1_000_000 + reassembly.memory + kept / 100;
  }

  /** An ICMP error that was believed and an ARP reply that was learnt leave no trace in any counter. */
  mayBeSilent(frame: Uint8Array): boolean {
    if (view(frame).getUint16(12) === TYPE_ARP) return true;
    const packet = readIp(frame);
    return packet?.protocol === ICMP && [3, 11, 12].includes(packet.payload[0] ?? 0);
  }

  see(frame: Uint8Array): void {
    this.frames++;
    if (frame.length < 14 || frame.length > 1514) throw new Problem(`a frame of ${frame.length} bytes was sent`);
    if (OUR_MAC.some((byte, i) => byte !== frame[6 + i])) throw new Problem('a frame has a source that is not ours');
    const type = view(frame).getUint16(12);
    if (type === TYPE_ARP) {
      const question = readArp(frame);
      if (question === undefined) throw new Problem('a short ARP packet was sent');
      if (question.operation === 1 && this.questions.length < 64) this.questions.push(question.target);
      return;
    }
    if (type !== TYPE_IPV4) throw new Problem(`a frame of type ${type} was sent`);
    const packet = readIp(frame);
    if (packet === undefined) throw new Problem('an IPv4 packet with a bad header was sent');
    if (packet.source !== this.subject.address && packet.source !== 0)
      throw new Problem('a packet has a strange source');
    this.packets.push(packet.bytes);
    if (this.packets.length > QUOTABLE) this.packets.shift();
    if ((view(packet.bytes).getUint16(6) & 0x3fff) !== 0) return;
    if (packet.protocol === TCP) this.segment(packet.source, packet.destination, packet.payload);
    else if (packet.protocol === ICMP) this.icmp(packet.payload);
    else if (packet.protocol === UDP && packet.payload.length > 16)
      this.dhcpTransaction = view(packet.payload).getInt32(12);
  }

  private icmp(bytes: Uint8Array): void {
    if (checksum(bytes) !== 0) throw new Problem('an ICMP message with a bad checksum was sent');
    const error = bytes[0] === 3 || bytes[0] === 11 || bytes[0] === 12;
    if (!error || this.input === undefined) return;
    if (this.input.error) throw new Problem('an ICMP error answers an ICMP error');
    if (this.input.group) throw new Problem('an ICMP error answers a broadcast');
  }

  private segment(source: number, destination: number, bytes: Uint8Array): void {
    const pseudo = new Uint8Array(12);
    view(pseudo).setInt32(0, source);
    view(pseudo).setInt32(4, destination);
    pseudo[9] = TCP;
    view(pseudo).setUint16(10, bytes.length);
    if (checksum(concat(pseudo, bytes)) !== 0) throw new Problem('a segment with a bad checksum was sent');
    const tcp = readTcp(bytes);
    if (tcp === undefined || tcp.header < 20 || tcp.header > bytes.length) throw new Problem('a segment is too short');
    const { flags, seq } = tcp;
    if ((flags & RST) !== 0 && this.input?.rst === true) throw new Problem('a RST answers a RST');
    if ((flags & SYN) !== 0 && (flags & RST) !== 0) throw new Problem('SYN and RST in one segment');
    const length = bytes.length - tcp.header;
    for (let i = 0; i < length; i++) {
      if (bytes[tcp.header + i] !== PATTERN[(seq + i) & 0xffff])
        throw new Problem(`a wrong byte was sent at ${seq + i}`);
    }
    this.learn(destination, tcp, length, bytes);
  }

  private learn(peer: number, tcp: NonNullable<ReturnType<typeof readTcp>>, length: number, bytes: Uint8Array): void {
    const { views } = this.subject;
    const { flags, from: ours, to: port } = tcp;
    let seen = views.get(peer, port, ours);
    if ((flags & (SYN | ACK)) === SYN && seen?.opening !== true) {
      seen = new View(peer, port, ours, Math.imul(tcp.seq, 0x9e3779b1));
      seen.opening = true;
      seen.timestamps = true;
      views.add(seen);
    }
    if (seen === undefined || (flags & RST) !== 0) return;
    const next = (tcp.seq + length + ((flags & 3) !== 0 ? 1 : 0)) | 0;
    if ((flags & SYN) !== 0) {
      seen.answered = true;
      seen.sent = next;
      seen.acked = tcp.seq;
    }
    if (((next - seen.sent) | 0) > 0) seen.sent = next;
    if ((flags & ACK) !== 0) seen.wanted = tcp.ack;
    seen.window = view(bytes).getUint16(14);
    const at = tcp.header - 20 >= 12 ? timestampsAt(bytes, tcp.header) : 0;
    if (at > 0) seen.theirTs = view(bytes).getInt32(at + 2);
  }
}

/** Where the timestamps option lies; 0: nowhere. */
function timestampsAt(bytes: Uint8Array, header: number): number {
  for (let at = 20; at < header; ) {
    const kind = bytes[at];
    if (kind === 0) return 0;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = bytes[at + 1] as number;
    if (length < 2 || at + length > header) throw new Problem('a segment with malformed options was sent');
    if (kind === 8) return at;
    at += length;
  }
  return 0;
}
