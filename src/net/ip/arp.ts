/** ARP (RFC 826) on the link, and what RFC 5227 asks of a host with an address: probe, announce, defend. */
import { HEADROOM, IP_OFFSET } from '../device/tx-frame.js';
import { dropReason } from '../drops.js';
import { isMartian } from '../wire/address.js';
import {
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  BROADCAST_MAC,
  copyMac,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  isNobodysMac,
  sameMac,
} from '../wire/ethernet.js';
import { int32At, putInt32, uint16At } from '../wire/tcp.js';
import type { IpContext } from './context.js';
import type { Ipv4 } from './contracts/ip-output.js';
import { Neighbours } from './neighbours.js';

const TRUNCATED = dropReason('arp-truncated');
const FORMAT = dropReason('arp-format');
const NOT_FOR_US = dropReason('arp-not-for-us');
const SOURCE_INVALID = dropReason('arp-source-invalid');

/** RFC 5227 2.4: another conflict within this time, and the address is lost. */
const DEFEND_INTERVAL = 10_000;
/** RFC 5227 2.3. */
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL = 2000;
const nobody = new Uint8Array(6);

/** A probe that is under way. */
interface Probing {
  readonly address: Ipv4;
  left: number;
  due: number;
  readonly interval: number;
  readonly done: (conflict: Uint8Array | undefined) => void;
}

export class Arp {
  readonly neighbours: Neighbours;
  /** Gets each conflict about our address: `kept` false when it must be given up (RFC 5227 2.4). `mac`: whose. */
  onConflict: ((mac: Uint8Array, kept: boolean, now: number, address: Ipv4) => void) | undefined = undefined;
  /** Sees each valid packet, a frame from `ethernet` on. True: it is not for us to deal with. */
  heard: ((bytes: Uint8Array, ethernet: number, end: number) => boolean) | undefined = undefined;
  private readonly probing = new Map<Ipv4, Probing>();
  private readonly announcing = new Map<Ipv4, { left: number; due: number }>();
  private defendedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly stack: IpContext) {
    this.neighbours = new Neighbours(
      {
        request: (address, mac) =>
          this.send(ARP_REQUEST, mac ?? BROADCAST_MAC, nobody, address, this.stack.ipv4Source(address)),
        release: (frame, mac) => this.stack.output.release(frame, mac),
      },
      stack.drops,
    );
  }

  private send(operation: number, to: Uint8Array, target: Uint8Array, targetAddress: Ipv4, senderAddress: Ipv4): void {
    const { stack } = this;
    const { tx } = stack;
    const head = tx.head;
    const at = IP_OFFSET;
    tx.reset();
    putInt32(head, at, 0x00010800);
    putInt32(head, at + 4, 0x06040000 | operation);
    copyMac(head, at + 8, stack.device.mac);
    putInt32(head, at + 14, senderAddress);
    copyMac(head, at + 18, target);
    putInt32(head, at + 24, targetAddress);
    // Some devices pad short frames themselves. For the others we pad to the 60 bytes of Ethernet's minimum.
    head.fill(0, at + ARP_LENGTH, at + 46);
    tx.length = at + 46 - HEADROOM;
    stack.transmit(to, ETHERTYPE_ARP);
  }

  input(bytes: Uint8Array, ethernet: number, start: number, end: number, now: number): void {
    const { stack } = this;
    const { drops } = stack;
    if (end - start < ARP_LENGTH) return drops.count(TRUNCATED, bytes, ethernet, end);
    const operation = uint16At(bytes, start + 6);
    const hardware = uint16At(bytes, start);
    if (
      // RFC 1042: "IEEE 802 networks" are as good a name as "Ethernet" (RFC 5494).
      (hardware !== 1 && hardware !== 6) ||
      uint16At(bytes, start + 2) !== ETHERTYPE_IPV4 ||
      uint16At(bytes, start + 4) !== 0x0604 ||
      (operation !== ARP_REQUEST && operation !== ARP_REPLY)
    ) {
      return drops.count(FORMAT, bytes, ethernet, end);
    }
    const sender = start + 8;
    const senderAddress = int32At(bytes, start + 14);
    const targetAddress = int32At(bytes, start + 24);
    if (
      isNobodysMac(bytes, sender) ||
      (senderAddress !== 0 && (isMartian(senderAddress) || senderAddress === stack.broadcast))
    ) {
      return drops.count(SOURCE_INVALID, bytes, ethernet, end);
    }
    // Our own, sent back by a hub.
    if (sameMac(bytes, sender, stack.device.mac)) return drops.count(NOT_FOR_US, bytes, ethernet, end);
    if (this.heard?.(bytes, ethernet, end)) return;
    // RFC 5227 2.1.1: another host has the address, or probes for it at the same time.
    const probing = this.probing.get(operation === ARP_REQUEST && senderAddress === 0 ? targetAddress : senderAddress);
    if (probing !== undefined) {
      this.probing.delete(probing.address);
      probing.done(bytes.slice(sender, sender + 6));
      return;
    }
    if (stack.isAnnounced(senderAddress)) return this.conflict(senderAddress, bytes, sender, now);
    const forUs = stack.isAnnounced(targetAddress);
    if (senderAddress !== 0) this.neighbours.learn(senderAddress, bytes, sender, forUs, now);
    if (!forUs) return drops.count(NOT_FOR_US, bytes, ethernet, end);
    if (operation === ARP_REQUEST) {
      const asker = bytes.slice(sender, sender + 6);
      this.send(ARP_REPLY, asker, asker, senderAddress, targetAddress);
    }
  }

  /** RFC 5227 2.4 (b): defend once in ten seconds; a second conflict within them means that the other one stays. */
  private conflict(address: Ipv4, bytes: Uint8Array, sender: number, now: number): void {
    const mac = bytes.slice(sender, sender + 6);
    const keep = now - this.defendedAt >= DEFEND_INTERVAL;
    if (keep) {
      this.defendedAt = now;
      this.announceOnce(address);
    }
    this.onConflict?.(mac, keep, now, address);
  }

  private announceOnce(address: Ipv4): void {
    if (this.stack.isAnnounced(address)) this.send(ARP_REQUEST, BROADCAST_MAC, nobody, address, address);
  }

  /** RFC 5227 2.3: announces to the link that the address is ours, now and once more. */
  announce(now: number, address = this.stack.config?.address): void {
    if (address === undefined) return;
    this.announceOnce(address);
    this.announcing.set(address, { left: ANNOUNCE_NUM - 1, due: now + ANNOUNCE_INTERVAL });
  }

  /**
   * RFC 5227 2.1.1: asks `count` times whether another host has `address`, `interval` ms apart, at once for the first
   * time. `done` gets the MAC address of that host, or undefined.
   */
  probe(address: Ipv4, count: number, interval: number, now: number, done: Probing['done']): void {
    this.probing.set(address, { address, left: count, due: now, interval, done });
  }

  cancelProbe(): void {
    this.probing.clear();
  }

  poll(now: number): number {
    let next = this.neighbours.poll(now);
    for (const probing of [...this.probing.values()]) {
      if (probing.due > now) continue;
      if (probing.left === 0) {
        this.probing.delete(probing.address);
        probing.done(undefined);
        continue;
      }
      probing.left--;
      probing.due = now + probing.interval;
      this.send(ARP_REQUEST, BROADCAST_MAC, nobody, probing.address, 0);
    }
    for (const { due } of this.probing.values()) next = Math.min(next, due);
    for (const [address, one] of [...this.announcing]) {
      if (one.due <= now) {
        this.announceOnce(address);
        one.due = now + ANNOUNCE_INTERVAL;
        if (--one.left === 0) this.announcing.delete(address);
      }
      if (one.left > 0) next = Math.min(next, one.due);
    }
    return next;
  }
}
