/**
 * An IPv4 router between networks: answers and asks by ARP, forwards with a lower TTL, says "time exceeded" and
 * "fragmentation needed" where they are due. Its interfaces may have different MTUs, which is what path-MTU discovery
 * lives on.
 */
import type { Faults } from '../../src/net/device/wrap/faults.js';
import {
  arp,
  BROADCAST_MAC,
  checksum,
  ethernet,
  icmpError,
  ipv4,
  readArp,
  readIp,
  TYPE_ARP,
  TYPE_IPV4,
  view,
} from './packets.js';
import type { Switch } from './switch.js';

interface Interface {
  readonly address: number;
  readonly mask: number;
  mtu: number;
  readonly mac: Uint8Array;
  send: (frame: Uint8Array) => void;
  readonly neighbours: Map<number, Uint8Array>;
  readonly waiting: Map<number, { readonly packet: Uint8Array; readonly since: number }[]>;
}

/** Packets that wait for one neighbour, and ms that one waits at most. */
const WAITING = 16;
const PATIENCE = 3000;

export class Router {
  private readonly interfaces: Interface[] = [];
  forwarded = 0;
  constructor(private readonly now: () => number) {}

  /** It takes nothing while this is true. */
  dead = false;

  /** A leg on that network; `bits`: length of the prefix. */
  attach(
    network: Switch,
    name: string,
    address: number,
    bits: number,
    mtu: number,
    towards: Faults,
    from: Faults,
  ): void {
    const mac = Uint8Array.of(2, 0xee, 0, 0, 0, this.interfaces.length + 1);
    const leg: Interface = {
      address,
      mask: bits === 0 ? 0 : -1 << (32 - bits),
      mtu,
      mac,
      send: () => {},
      neighbours: new Map(),
      waiting: new Map(),
    };
    leg.send = network.plug(name, { take: (frame) => this.take(leg, frame) }, towards, from);
    this.interfaces.push(leg);
  }

  /** Everything that it learnt is gone. */
  forget(): void {
    for (const leg of this.interfaces) {
      leg.neighbours.clear();
      leg.waiting.clear();
    }
  }

  /** What the leg with that number carries from now on. */
  setMtu(leg: number, mtu: number): void {
    const one = this.interfaces[leg];
    if (one !== undefined) one.mtu = mtu;
  }

  private take(leg: Interface, frame: Uint8Array): void {
    if (this.dead) return;
    const question = readArp(frame);
    if (question !== undefined) {
      // RFC 826: whoever asks us is known from then on.
      if (question.sender !== 0 && (question.target === leg.address || leg.neighbours.has(question.sender))) {
        this.learn(leg, question.sender, question.senderMac);
      }
      if (question.operation === 1 && question.target === leg.address) {
        const answer = {
          operation: 2,
          senderMac: leg.mac,
          sender: leg.address,
          targetMac: question.senderMac,
          target: question.sender,
        };
        leg.send(ethernet(question.senderMac, leg.mac, TYPE_ARP, arp(answer)));
      }
      return;
    }
    if (leg.mac.some((byte, i) => byte !== frame[i])) return;
    const packet = readIp(frame);
    if (packet === undefined || this.interfaces.some((one) => one.address === packet.destination)) return;
    const to = this.interfaces.find((one) => ((one.address ^ packet.destination) & one.mask) === 0);
    if (to === undefined || to === leg) return;
    if (packet.ttl <= 1) {
      this.deliver(leg, packet.source, icmpError(leg.address, 11, 0, 0, packet.bytes));
      return;
    }
    if (packet.bytes.length > to.mtu) {
      if (packet.dontFragment) this.deliver(leg, packet.source, icmpError(leg.address, 3, 4, to.mtu, packet.bytes));
      else this.fragment(to, packet.destination, packet.bytes, packet.header);
      return;
    }
    const copy = packet.bytes.slice();
    copy[8] = packet.ttl - 1;
    sealHeader(copy, packet.header);
    this.forwarded += 1;
    this.deliver(to, packet.destination, copy);
  }

  private fragment(to: Interface, next: number, packet: Uint8Array, header: number): void {
    const size = (to.mtu - header) & ~7;
    const field = view(packet).getUint16(6);
    for (let at = header; at < packet.length; at += size) {
      const until = Math.min(at + size, packet.length);
      const piece = new Uint8Array(header + until - at);
      piece.set(packet.subarray(0, header));
      piece.set(packet.subarray(at, until), header);
      const more = until < packet.length || (field & 0x2000) !== 0 ? 0x2000 : 0;
      view(piece).setUint16(2, piece.length);
      view(piece).setUint16(6, ((field & 0x1fff) + (at - header) / 8) | more);
      piece[8] = (piece[8] as number) - 1;
      sealHeader(piece, header);
      this.deliver(to, next, piece);
    }
  }

  private deliver(leg: Interface, next: number, packet: Uint8Array): void {
    const mac = leg.neighbours.get(next);
    if (mac !== undefined) {
      leg.send(ethernet(mac, leg.mac, TYPE_IPV4, packet));
      return;
    }
    const waiting = leg.waiting.get(next) ?? [];
    leg.waiting.set(next, waiting);
    if (waiting.length < WAITING) waiting.push({ packet, since: this.now() });
    const question = {
      operation: 1,
      senderMac: leg.mac,
      sender: leg.address,
      targetMac: new Uint8Array(6),
      target: next,
    };
    leg.send(ethernet(BROADCAST_MAC, leg.mac, TYPE_ARP, arp(question)));
  }

  private learn(leg: Interface, address: number, mac: Uint8Array): void {
    leg.neighbours.set(address, mac);
    const waiting = leg.waiting.get(address);
    leg.waiting.delete(address);
    for (const { packet, since } of waiting ?? []) {
      if (this.now() - since < PATIENCE) leg.send(ethernet(mac, leg.mac, TYPE_IPV4, packet));
    }
  }

  /** Sends a packet of the router's own, such as a forged error in a test. */
  originate(packet: Parameters<typeof ipv4>[0]): void {
    const to = this.interfaces.find((one) => ((one.address ^ packet.destination) & one.mask) === 0);
    if (to !== undefined) this.deliver(to, packet.destination, ipv4(packet));
  }
}

function sealHeader(packet: Uint8Array, header: number): void {
  view(packet).setUint16(10, 0);
  view(packet).setUint16(10, checksum(packet.subarray(0, header)));
}
