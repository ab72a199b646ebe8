/** One stack on a cable whose other end is the test: hand-made frames in, frames out, virtual time. */
import { MemoryDevice } from '../../../src/net/device/memory/memory-link.js';
import { type DropName, Drops } from '../../../src/net/drops.js';
import type { AddressConfig } from '../../../src/net/ip/address-config.js';
import { Stack } from '../../../src/net/ip/stack.js';
import { type Arp, arp, ethernet, type Ip, ip, ipv4, readArp, readIp, TYPE_ARP, TYPE_IPV4 } from '../../sim/packets.js';

export const OUR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
export const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
export const US = ip('10.0.0.2');
export const PEER = ip('10.0.0.77');
export const GATEWAY = ip('10.0.0.1');
export const CONFIG: AddressConfig = { address: US, prefix: 24, gateway: GATEWAY };
const NOBODY = new Uint8Array(6);

export class Laboratory {
  now = 0;
  readonly device = new MemoryDevice(OUR_MAC, { queue: 100_000 });
  readonly drops = new Drops();
  readonly stack: Stack;
  /** Frames that the stack sent and nobody has looked at. */
  sent: Uint8Array[] = [];
  /** Something that is polled beside the stack. */
  beside: ((now: number) => number) | undefined = undefined;

  constructor(config: AddressConfig | null = CONFIG, seed = 1) {
    let x = seed | 1;
    const random32 = (): number => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x | 0;
    };
    this.device.wire = (frame) => {
      this.sent.push(frame);
      return true;
    };
    this.stack = new Stack({ device: this.device, random: { random32 }, drops: this.drops });
    if (config !== null) this.stack.configure(config, 0);
  }

  /** Gives a frame to the stack, and lets it finish. */
  frame(bytes: Uint8Array): void {
    this.device.deliver(bytes);
    this.device.receive((b, start, end, marks) => this.stack.input(b, start, end, marks, this.now), 1000);
    this.settle();
  }

  private settle(): number {
    this.stack.flush(this.now);
    return Math.min(this.stack.poll(this.now), this.beside?.(this.now) ?? Number.POSITIVE_INFINITY);
  }

  /** Lets `ms` pass, stopping at each deadline on the way. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let steps = 0; steps < 100_000; steps++) {
      const next = this.settle();
      if (next > end) break;
      this.now = Math.max(next, this.now + 0.01);
    }
    this.now = end;
    this.settle();
  }

  /** A packet from the peer's MAC to ours. */
  packet(packet: Uint8Array, to: Uint8Array = OUR_MAC, from: Uint8Array = PEER_MAC): void {
    this.frame(ethernet(to, from, TYPE_IPV4, packet));
  }

  ip(fields: Partial<Ip> & Pick<Ip, 'protocol' | 'payload'>, to: Uint8Array = OUR_MAC): void {
    this.packet(ipv4({ source: PEER, destination: US, ...fields }), to);
  }

  arp(fields: Partial<Arp>, to: Uint8Array = OUR_MAC, from: Uint8Array = PEER_MAC): void {
    const all = { operation: 1, senderMac: from, sender: PEER, targetMac: NOBODY, target: US, ...fields };
    this.frame(ethernet(to, from, TYPE_ARP, arp(all)));
  }

  /** Teaches the stack who the peer is. */
  introduce(): this {
    this.arp({});
    this.take();
    return this;
  }

  /** What was sent since the last look. */
  take(): Uint8Array[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }

  takeArp(): Arp[] {
    return this.take().flatMap((frame) => readArp(frame) ?? []);
  }

  takeIp(): NonNullable<ReturnType<typeof readIp>>[] {
    return this.take().flatMap((frame) => readIp(frame) ?? []);
  }

  dropped(name: DropName): number {
    return this.drops.of(name);
  }
}
