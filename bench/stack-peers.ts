/** The peers of `stack.ts`, over either family: a device that takes every frame, and frames made of templates. */
import type { Device, FrameSink } from '../src/net/device/device.js';
import { TRANSPORT_OFFSET, TxFrame } from '../src/net/device/tx-frame.js';
import { concat } from '../test/sim/packets.js';
import { frame6, icmp6, ip6, ndOption } from '../test/sim/packets6.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const OURS = 0x0a00_0001;
const OURS6 = ip6('fd00::1');
const ETHERNET = 14;
export const [SYN, PSH, ACK, FIN] = [2, 8, 16, 1] as const;

/** Takes everything; keeps the numbers of the last segment, for the peer to answer. */
export class NoDevice implements Device {
  readonly mtu = 1500;
  readonly mac = MAC;
  readonly offload = { checksum: true, segmentation: 65_535 };
  readonly tx = new TxFrame();
  onReadable: (() => void) | undefined = undefined;
  /** Sequence number behind the newest segment: what an ACK of it says. */
  next = 0;
  receive(_sink: FrameSink, _budget: number): number {
    return 0;
  }
  transmit(): boolean {
    const { view, head, first } = this.tx;
    const flags = head[TRANSPORT_OFFSET + 13] as number;
    const header = TRANSPORT_OFFSET - first + ((head[TRANSPORT_OFFSET + 12] as number) >> 4) * 4;
    const payload = this.tx.total - header;
    this.next = (view.getInt32(TRANSPORT_OFFSET + 4) + payload + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)) | 0;
    return true;
  }
  close(): void {}
}

/** Frames of peers, each used again and again. Peers have numbers; all of them are behind one MAC. */
export abstract class Template {
  readonly bytes = new Uint8Array(2048);
  protected readonly view = new DataView(this.bytes.buffer);
  protected abstract readonly tcp: number;

  constructor(type: number) {
    this.bytes.set(MAC, 0);
    this.bytes.set(PEER_MAC, 6);
    this.view.setUint16(12, type);
  }

  /** Teaches who the peer is: an answer to a question that was not asked. */
  abstract introduction(peer: number): Uint8Array;
  /** The IP header before `length` bytes of TCP. */
  protected abstract ip(peer: number, length: number): void;

  /** Writes a segment; returns where it ends in `bytes`. `now`: ms, for the timestamp. */
  segment(
    peer: { readonly remote: number; readonly port: number; readonly seq: number; readonly ack: number },
    flags: number,
    data: Uint8Array | undefined,
    now: number,
  ): number {
    const { view, tcp } = this;
    const options = (flags & SYN) !== 0 ? 20 : 12;
    this.ip(peer.remote, 20 + options + (data === undefined ? 0 : data.length));
    view.setUint16(tcp, peer.port);
    view.setUint16(tcp + 2, 80);
    view.setInt32(tcp + 4, peer.seq);
    view.setInt32(tcp + 8, peer.ack);
    view.setUint16(tcp + 12, ((5 + options / 4) << 12) | flags);
    view.setUint16(tcp + 14, 65_535);
    let at = tcp + 20;
    if ((flags & SYN) !== 0) {
      // MSS 1460, SACK permitted, timestamps, window scale 7.
      view.setUint32(at, 0x020405b4);
      view.setUint16(at + 4, 0x0402);
      view.setUint16(at + 6, 0x080a);
      view.setUint32(at + 8, now | 0);
      view.setUint32(at + 12, 0);
      view.setUint32(at + 16, 0x01030307);
    } else {
      view.setUint32(at, 0x0101080a);
      view.setUint32(at + 4, now | 0);
      view.setUint32(at + 8, 1);
    }
    at += options;
    if (data === undefined) return at;
    this.bytes.set(data, at);
    return at + data.length;
  }
}

/** From 10.0.0.1 on. */
export class Template4 extends Template {
  static readonly ours = OURS;
  protected readonly tcp = ETHERNET + 20;

  constructor() {
    super(0x0800);
  }

  protected ip(peer: number, length: number): void {
    const { view } = this;
    view.setUint16(ETHERNET, 0x4500);
    view.setUint16(ETHERNET + 2, 20 + length);
    view.setUint32(ETHERNET + 4, 0x4000);
    view.setUint32(ETHERNET + 8, 0x40060000);
    view.setInt32(ETHERNET + 12, OURS + peer);
    view.setInt32(ETHERNET + 16, OURS);
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += view.getUint16(ETHERNET + i);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(ETHERNET + 10, ~((sum & 0xffff) + (sum >>> 16)));
  }

  introduction(peer: number): Uint8Array {
    const arp = new Uint8Array(42);
    const view = new DataView(arp.buffer);
    arp.set(MAC, 0);
    arp.set(PEER_MAC, 6);
    view.setUint16(12, 0x0806);
    view.setUint32(14, 0x00010800);
    view.setUint32(18, 0x06040002);
    arp.set(PEER_MAC, 22);
    view.setInt32(28, OURS + peer);
    arp.set(MAC, 32);
    view.setInt32(38, OURS);
    return arp;
  }
}

/** From fd00::1 on. */
export class Template6 extends Template {
  static readonly ours = OURS6;
  protected readonly tcp = ETHERNET + 40;

  constructor() {
    super(0x86dd);
    this.view.setUint32(ETHERNET, 0x6000_0000);
    this.view.setUint16(ETHERNET + 6, 0x0640);
    this.bytes.set(OURS6, ETHERNET + 8);
    this.bytes.set(OURS6, ETHERNET + 24);
  }

  protected ip(peer: number, length: number): void {
    this.view.setUint16(ETHERNET + 4, length);
    this.view.setInt32(ETHERNET + 20, 1 + peer);
  }

  introduction(peer: number): Uint8Array {
    const source = OURS6.slice();
    new DataView(source.buffer).setInt32(12, 1 + peer);
    const body = concat(new Uint8Array(4), OURS6, ndOption(1, PEER_MAC));
    return frame6(icmp6({ source, destination: ip6('ff02::1:ff00:1'), hops: 255 }, 135, 0, body), PEER_MAC);
  }
}
