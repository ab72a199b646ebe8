/** Frames that nearly fit: the structure of each protocol, with lies that the tape chooses. */

import { Liar } from '../sim/liar.js';
import {
  ACK,
  arp,
  BROADCAST_MAC,
  checksum,
  concat,
  ethernet,
  FIN,
  ICMP,
  icmpError,
  ipv4,
  PSH,
  RST,
  SYN,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  UDP,
  udp,
  view,
} from '../sim/packets.js';
import { dhcpMessage } from './dhcp-frames.js';
import { OUR_MAC, PATTERN, PEER_MAC, PEERS, PORTS, type Subject, US } from './subject.js';
import type { Tape } from './tape.js';
import { View } from './view.js';

/** Bytes of a segment of ours, as the liar takes them to be. */
const MSS = 1460;

const URG = 32;
const ECE = 64;
const CWR = 128;

export class Frames {
  constructor(
    private readonly tape: Tape,
    private readonly subject: Subject,
  ) {}

  /** The next frames: one, or the fragments of one packet. */
  next(): Uint8Array[] {
    const { tape, subject } = this;
    const question = subject.outbound.questions.shift();
    if (question !== undefined && question !== subject.address && tape.chance(85)) return [this.answer(question)];
    const kind = tape.below(100);
    if (kind < 70) return this.carry(this.segment());
    if (kind < 77) return this.carry(this.icmp());
    if (kind < 86) return this.carry(this.datagram());
    if (kind < 92) return [this.strangeArp()];
    if (kind < 96)
      return this.carry(ipv4({ ...this.ends(), protocol: tape.byte(), payload: tape.take(tape.below(60)) }));
    return [concat(tape.chance(80) ? OUR_MAC : tape.take(6), PEER_MAC, tape.take(tape.below(80)))];
  }

  private ends(): { source: number; destination: number } {
    const { tape } = this;
    const source = tape.chance(90) ? tape.pick(PEERS) : tape.pick([0, -1, US, 0x7f000001, 0xe0000001 | 0, tape.word()]);
    const ours = this.subject.address ?? US;
    return {
      source,
      destination: tape.chance(95) ? ours : tape.pick([-1, 0x0a0000ff, 0xe0000001 | 0, tape.word(), 0]),
    };
  }

  private answer(address: number): Uint8Array {
    const body = {
      operation: 2,
      senderMac: PEER_MAC,
      sender: address,
      targetMac: OUR_MAC,
      target: this.subject.address ?? 0,
    };
    return ethernet(OUR_MAC, PEER_MAC, TYPE_ARP, arp(body));
  }

  private strangeArp(): Uint8Array {
    const { tape } = this;
    const ours = this.subject.address ?? US;
    const body = arp({
      operation: tape.pick([1, 1, 2, 2, 0, 3]),
      senderMac: tape.chance(80) ? PEER_MAC : tape.take(6),
      // A conflict about our address is rare: DHCP gives it up.
      sender: tape.chance(2) ? ours : tape.chance(70) ? tape.pick(PEERS) : tape.word(),
      targetMac: tape.take(6),
      target: tape.chance(70) ? ours : tape.word(),
    });
    if (tape.chance(20)) body[tape.below(28)] = tape.byte();
    const frame = ethernet(tape.chance(50) ? OUR_MAC : BROADCAST_MAC, PEER_MAC, TYPE_ARP, body);
    return tape.chance(10) ? frame.slice(0, tape.below(frame.length)) : frame;
  }

  /** An IP packet in frames: whole mostly, with options, in fragments, spoilt, or cut. */
  private carry(packet: Uint8Array): Uint8Array[] {
    const { tape } = this;
    let whole = packet;
    const kind = tape.below(64);
    if (kind < 3) whole = withOptions(whole, this.ipOptions());
    if (kind === 3 || kind === 4 || whole.length > 1500) return this.fragments(whole);
    if (kind === 5) {
      whole = whole.slice();
      for (let flips = 1 + tape.below(3); flips > 0; flips--) whole[tape.below(20)] = tape.byte();
      if (tape.chance(70)) seal(whole);
    }
    if (kind === 6) {
      whole = whole.slice();
      // Beyond the header a checksum finds it.
      if (whole.length > 20) whole[20 + tape.below(whole.length - 20)] ^= 1 << tape.below(8);
    }
    const to = tape.chance(98) ? OUR_MAC : BROADCAST_MAC;
    const frame = ethernet(to, PEER_MAC, TYPE_IPV4, whole);
    return [kind === 7 ? frame.slice(0, tape.below(frame.length)) : frame];
  }

  private ipOptions(): Uint8Array {
    const { tape } = this;
    const bytes = new Uint8Array(4 + 4 * tape.below(9));
    const option = tape.pick([
      [1, 1, 1, 0],
      [7, 7, 4, 0],
      [68, 12, 5, 0],
      [131, 7, 4, 0],
      [137, 3, 4, 0],
      [148, 4, 0, 0],
      [7, 200, 0, 0],
      [9, 0, 0, 0],
      [9, 1, 0, 0],
    ]);
    bytes.set(option);
    if (tape.chance(30)) bytes[tape.below(bytes.length)] = tape.byte();
    return bytes;
  }

  private fragments(packet: Uint8Array): Uint8Array[] {
    const { tape } = this;
    const header = ((packet[0] as number) & 15) * 4;
    const id = tape.chance(70) ? tape.byte() : tape.word() & 0xffff;
    const step = packet.length > 3000 ? 1480 : 8 * (1 + tape.below(20));
    const pieces: Uint8Array[] = [];
    for (let at = header; at < packet.length; at += step) {
      let from = at;
      let until = Math.min(at + step, packet.length);
      if (tape.chance(3)) until = Math.min(until + 8, packet.length);
      if (tape.chance(2)) from = Math.max(header, from - 8);
      if (tape.chance(1)) until -= tape.below(until - from);
      const piece = concat(packet.subarray(0, header), packet.subarray(from, until));
      view(piece).setUint16(2, piece.length);
      view(piece).setUint16(4, id);
      const more = until < packet.length ? 0x2000 : 0;
      const offset = tape.chance(1) ? tape.word() & 0x1fff : ((from - header) / 8) & 0x1fff;
      view(piece).setUint16(6, more | offset);
      seal(piece);
      const frame = ethernet(OUR_MAC, PEER_MAC, TYPE_IPV4, piece);
      if (!tape.chance(2)) pieces.push(frame);
      if (tape.chance(4)) pieces.push(frame);
    }
    if (tape.chance(40)) for (let i = pieces.length - 1; i > 0; i--) swap(pieces, i, tape.below(i + 1));
    return pieces;
  }

  private icmp(): Uint8Array {
    const { tape, subject } = this;
    const { packets } = subject.outbound;
    if (tape.chance(40) || packets.length === 0) {
      const size = tape.chance(5) ? 3000 + tape.below(40_000) : tape.below(1400);
      const bytes = concat(
        Uint8Array.of(tape.pick([8, 8, 8, 0, 13, 17, 5, 4, 30]), tape.chance(90) ? 0 : tape.byte(), 0, 0, 1, 2, 3, 4),
        PATTERN.subarray(0, size),
      );
      view(bytes).setUint16(2, checksum(bytes));
      return ipv4({ ...this.ends(), protocol: ICMP, payload: bytes });
    }
    const about = (packets[tape.below(packets.length)] as Uint8Array).slice();
    if (tape.chance(20)) about[tape.below(Math.min(about.length, 28))] = tape.byte();
    const [type, code] = tape.pick([
      [3, 0],
      [3, 1],
      [3, 2],
      [3, 3],
      [3, 4],
      [3, 4],
      [3, 4],
      [3, 13],
      [11, 0],
      [11, 1],
      [12, 0],
    ]) as [number, number];
    // A path of few bytes slows everything that follows: mostly a large one.
    const mtu = tape.pick([1400, 1300, 1492, 1006, 576, 0, 68, 1, 65_535]);
    if ((about[0] as number) >> 4 !== 4 || ((about[0] as number) & 15) * 4 + 8 > about.length) about[0] = 0x45;
    const error = icmpError(tape.pick(PEERS), type, code, mtu, about);
    view(error).setInt32(16, subject.address ?? US);
    seal(error);
    return tape.chance(5) ? shorter(error, 20 + tape.below(error.length - 20)) : error;
  }

  private datagram(): Uint8Array {
    const { tape, subject } = this;
    if (tape.chance(subject.dhcp === undefined ? 20 : 85)) return dhcpMessage(tape, subject.outbound.dhcpTransaction);
    const { source, destination } = this.ends();
    const packet = udp(
      source,
      tape.word() & 0xffff,
      destination,
      tape.pick([5353, 68, 67, 53, 9]),
      tape.take(tape.below(60)),
    );
    if (tape.chance(20)) {
      view(packet).setUint16(24, tape.pick([0, 7, 8, 9, 65_535, tape.word() & 0xffff]));
      if (tape.chance(50)) view(packet).setUint16(26, 0);
    }
    return tape.chance(5) ? ipv4({ source, destination, protocol: UDP, payload: tape.take(tape.below(8)) }) : packet;
  }

  // TCP

  private segment(): Uint8Array {
    const { tape, subject } = this;
    const { views } = subject;
    if (views.list.length === 0 || tape.chance(12)) return this.syn();
    const seen = views.list[tape.below(views.list.length)] as View;
    if (seen.answered && !seen.opening && tape.chance(20)) return this.lie(seen);
    const flags = this.flags(seen);
    const length = (flags & (SYN | RST)) !== 0 || tape.chance(50) ? 0 : tape.below(tape.chance(50) ? 20 : 1400);
    const seq = (seen.wanted + this.shift(seen)) | 0;
    const ack = this.acknowledgment(seen, flags);
    if (((ack - seen.acked) | 0) > 0 && ((seen.sent - ack) | 0) >= 0) seen.acked = ack;
    seen.ourTs = (seen.ourTs + tape.below(16)) | 0;
    return this.build(seen, seq, ack, flags, length);
  }

  /** What a peer says that lies about what it gets, kind by kind. */
  private lie(seen: View): Uint8Array {
    const { tape, subject } = this;
    seen.liar ??= new Liar(seen.acked, true, MSS, 20_000);
    seen.liar.came(seen.sent);
    const said = seen.liar.next((limit) => tape.below(limit));
    seen.acked = seen.liar.acked;
    seen.ourTs = (seen.ourTs + 1) | 0;
    const parts: Uint8Array[] = [];
    if (seen.timestamps) {
      const option = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
      view(option).setInt32(4, seen.ourTs);
      view(option).setInt32(8, seen.theirTs);
      parts.push(option);
    }
    if (said.sack.length > 0) {
      const option = new Uint8Array(4 + said.sack.length * 8);
      option.set([1, 1, 5, option.length - 2]);
      said.sack.forEach(([left, right], i) => {
        view(option).setInt32(4 + i * 8, left);
        view(option).setInt32(8 + i * 8, right);
      });
      parts.push(option);
    }
    const seq = (seen.wanted + said.offset) | 0;
    return tcp({
      source: seen.peer,
      from: seen.port,
      destination: subject.address ?? US,
      to: seen.ours,
      seq,
      ack: said.ack,
      flags: said.ece ? ACK | ECE : ACK,
      window: said.window,
      options: concat(...parts),
      payload: PATTERN.subarray(seq & 0xffff, (seq & 0xffff) + said.length),
    });
  }

  private syn(): Uint8Array {
    const { tape, subject } = this;
    const port = 1024 + tape.below(tape.chance(80) ? 24 : 60_000);
    const ours = tape.chance(95) ? tape.pick(PORTS) : tape.word() & 0xffff;
    const peer = tape.pick(PEERS);
    const old = subject.views.get(peer, port, ours);
    // Near the wrap of sequence numbers, often.
    const irs = tape.chance(30)
      ? -1 - tape.below(3000)
      : tape.chance(30) && old !== undefined
        ? (old.wanted + tape.below(100_000)) | 0
        : tape.word();
    const seen = new View(peer, port, ours, irs);
    seen.timestamps = tape.chance(60);
    seen.ourTs = tape.chance(30)
      ? 0x7fff_ff00 + tape.byte()
      : old !== undefined && tape.chance(70)
        ? old.ourTs + 1000
        : tape.word();
    subject.views.add(seen);
    return this.build(
      seen,
      irs,
      0,
      tape.chance(95) ? SYN | (tape.chance(20) ? ECE | CWR : 0) : SYN | tape.byte(),
      tape.chance(3) ? tape.below(50) : 0,
    );
  }

  private flags(seen: View): number {
    const { tape } = this;
    if (seen.opening) {
      seen.opening = !tape.chance(70);
      return tape.chance(75) ? SYN | ACK : tape.pick([SYN, RST | ACK, RST, ACK, SYN | ACK | FIN]);
    }
    const kind = tape.below(32);
    if (kind < 22) return ACK | (tape.chance(30) ? PSH : 0);
    if (kind < 25) return ACK | FIN;
    if (kind === 25) return tape.chance(60) ? RST : RST | ACK;
    if (kind === 26) return SYN;
    if (kind === 27) return SYN | ACK;
    if (kind === 28) return ACK | URG;
    if (kind === 29) return ACK | ECE;
    if (kind === 30) return ACK | CWR | PSH;
    return tape.byte();
  }

  private shift(seen: View): number {
    const { tape } = this;
    if (seen.opening) return -1;
    const kind = tape.below(20);
    if (kind < 11) return 0;
    if (kind < 14) return tape.below(8) - 4;
    if (kind < 17) return tape.below(6000) - 1500;
    if (kind === 17) return seen.window - 1 + tape.below(3);
    if (kind === 18) return tape.below(200_000) - 100_000;
    return tape.word();
  }

  private acknowledgment(seen: View, flags: number): number {
    const { tape } = this;
    if ((flags & ACK) === 0 && tape.chance(80)) return 0;
    const flight = (seen.sent - seen.acked) | 0;
    const kind = tape.below(20);
    if (kind < 9) return seen.sent;
    if (kind < 12) return seen.acked;
    if (kind < 16) return (seen.acked + (flight > 0 ? tape.below(flight + 1) : 0)) | 0;
    if (kind === 16) return (seen.sent + 1 + tape.below(3)) | 0;
    if (kind === 17) return (seen.acked - 1 - tape.below(3)) | 0;
    if (kind === 18) return (seen.acked - 70_000) | 0;
    return tape.word();
  }

  private build(seen: View, seq: number, ack: number, flags: number, length: number): Uint8Array {
    const { tape, subject } = this;
    const at = seq & 0xffff;
    return tcp({
      source: seen.peer,
      from: seen.port,
      destination: subject.address ?? US,
      to: seen.ours,
      seq,
      ack,
      flags,
      window: tape.pick([65_535, 65_535, 30_000, 8192, 1000, 536, 10, 1, 0, 0]),
      options: this.options(seen, (flags & SYN) !== 0),
      payload: PATTERN.subarray(at, at + length),
    });
  }

  private options(seen: View, syn: boolean): Uint8Array {
    const { tape } = this;
    const parts: Uint8Array[] = [];
    if (syn) {
      if (tape.chance(80))
        parts.push(
          Uint8Array.of(
            2,
            4,
            ...tape.pick([
              [5, 180],
              [2, 24],
              [0, 0],
              [0, 1],
              [0, 60],
              [255, 255],
            ]),
          ),
        );
      if (tape.chance(60)) parts.push(Uint8Array.of(1, 3, 3, tape.pick([0, 2, 7, 14, 15, 255])));
      if (tape.chance(60)) parts.push(Uint8Array.of(1, 1, 4, 2));
    }
    if (seen.timestamps ? tape.chance(96) : tape.chance(3)) {
      const option = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
      view(option).setInt32(
        4,
        tape.chance(92) ? seen.ourTs : tape.pick([0, seen.ourTs - 1, seen.ourTs - 100_000, tape.word()]),
      );
      view(option).setInt32(
        8,
        tape.chance(90) ? seen.theirTs : tape.pick([0, seen.theirTs - 50, seen.theirTs + 1000, tape.word()]),
      );
      parts.push(option);
    }
    if (!syn && tape.chance(35)) parts.push(this.sack(seen));
    if (tape.chance(3)) parts.push(tape.take(tape.below(20)));
    const all = concat(...parts);
    return all.length <= 40 ? all : all.subarray(0, 40);
  }

  private sack(seen: View): Uint8Array {
    const { tape } = this;
    const flight = Math.max(1, Math.min((seen.sent - seen.acked) | 0, 1 << 20));
    const count = 1 + tape.below(3);
    const option = new Uint8Array(4 + count * 8);
    option.set([1, 1, 5, 2 + count * 8]);
    for (let i = 0; i < count; i++) {
      let left = (seen.acked + tape.below(flight)) | 0;
      let right = (left + 1 + tape.below(3000)) | 0;
      if (tape.chance(8)) left = tape.word();
      if (tape.chance(8)) right = tape.word();
      view(option).setInt32(4 + i * 8, left);
      view(option).setInt32(8 + i * 8, tape.chance(70) && ((seen.sent - right) | 0) < 0 ? seen.sent : right);
    }
    return option;
  }
}

function seal(packet: Uint8Array): void {
  const header = Math.min(((packet[0] as number) & 15) * 4, packet.length);
  view(packet).setUint16(10, 0);
  view(packet).setUint16(10, checksum(packet.subarray(0, header)));
}

function shorter(packet: Uint8Array, length: number): Uint8Array {
  const cut = packet.slice(0, length);
  view(cut).setUint16(2, length);
  seal(cut);
  return cut;
}

function withOptions(packet: Uint8Array, options: Uint8Array): Uint8Array {
  const longer = concat(packet.subarray(0, 20), options, packet.subarray(20));
  longer[0] = 0x40 | (5 + options.length / 4);
  view(longer).setUint16(2, longer.length);
  seal(longer);
  return longer;
}

function swap<T>(list: T[], a: number, b: number): void {
  const kept = list[a] as T;
  list[a] = list[b] as T;
  list[b] = kept;
}
