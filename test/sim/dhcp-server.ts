/** A DHCP server (RFC 2131 4.3) for one simulated network, with a small pool, short leases, and moods. */
import type { Faults } from '../../src/net/device/wrap/faults.js';
import {
  arp,
  BROADCAST_MAC,
  concat,
  ethernet,
  ip,
  macKey,
  readArp,
  readIp,
  TYPE_ARP,
  TYPE_IPV4,
  UDP,
  udp,
  view,
} from './packets.js';
import type { Switch } from './switch.js';

const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const DECLINE = 4;
const ACK = 5;
const NAK = 6;
const RELEASE = 7;
const COOKIE = 0x63825363;
/** Where the options begin in the message. */
const OPTIONS = 240;

export interface DhcpSettings {
  readonly address: number;
  readonly mask: number;
  readonly gateway: number;
  /** First address of the pool, and how many follow. */
  readonly first: number;
  readonly count: number;
  /** Seconds. */
  readonly lease: number;
  /** Option 26, where one is given. */
  readonly mtu?: number;
}

export class DhcpServer {
  private readonly mac = Uint8Array.of(2, 0xdd, 0, 0, 0, 1);
  private readonly send: (frame: Uint8Array) => void;
  /** Client's MAC -> its address. */
  readonly leases = new Map<number, number>();
  private readonly declined = new Set<number>();
  /** How many it acknowledged, refused, and got back. */
  acknowledged = 0;
  refused = 0;
  released = 0;
  /** It answers nothing while this is true. */
  silent = false;

  constructor(
    network: Switch,
    private readonly settings: DhcpSettings,
    towards: Faults,
    from: Faults,
  ) {
    this.send = network.plug('dhcp', { take: (frame) => this.take(frame) }, towards, from);
  }

  /** Forgets a lease: the client's next renewal is refused. */
  forget(address: number): void {
    for (const [client, leased] of this.leases) if (leased === address) this.leases.delete(client);
    this.declined.add(address);
  }

  private take(frame: Uint8Array): void {
    const { settings, mac } = this;
    const question = readArp(frame);
    if (question !== undefined) {
      if (question.operation === 1 && question.target === settings.address) {
        const answer = {
          operation: 2,
          senderMac: mac,
          sender: settings.address,
          targetMac: question.senderMac,
          target: question.sender,
        };
        this.send(ethernet(question.senderMac, mac, TYPE_ARP, arp(answer)));
      }
      return;
    }
    const packet = readIp(frame);
    if (packet === undefined || packet.protocol !== UDP || packet.payload.length < 8 + OPTIONS) return;
    if (view(packet.payload).getUint16(2) !== 67) return;
    if (packet.destination !== -1 && packet.destination !== settings.address) return;
    const message = packet.payload.slice(8);
    if (message[0] !== 1 || view(message).getUint32(236) !== COOKIE || this.silent) return;
    this.answer(message);
  }

  private answer(message: Uint8Array): void {
    const options = readOptions(message);
    const type = options.get(53)?.[0];
    const client = macKey(message.subarray(28, 34));
    const leased = this.leases.get(client);
    const server = number(options.get(54));
    if (type === DISCOVER) {
      const offer = this.choose(client);
      if (offer !== undefined) this.reply(message, OFFER, offer);
      return;
    }
    if (type === DECLINE || type === RELEASE) {
      if (type === DECLINE) this.declined.add(number(options.get(50)) ?? 0);
      else this.released += 1;
      this.leases.delete(client);
      return;
    }
    if (type !== REQUEST || (server !== undefined && server !== this.settings.address)) return;
    const wanted = number(options.get(50)) ?? view(message).getInt32(12);
    // After our offer, from INIT-REBOOT, when renewing: granted if it is what this client has or may have.
    const may = leased === wanted || (leased === undefined && this.free(wanted) && server !== undefined);
    if (!may) {
      this.refused += 1;
      this.reply(message, NAK, 0);
      return;
    }
    this.leases.set(client, wanted);
    this.acknowledged += 1;
    this.reply(message, ACK, wanted);
  }

  private free(address: number): boolean {
    const place = address - this.settings.first;
    if (place < 0 || place >= this.settings.count || this.declined.has(address)) return false;
    return ![...this.leases.values()].includes(address);
  }

  private choose(client: number): number | undefined {
    const had = this.leases.get(client);
    if (had !== undefined) return had;
    for (let i = 0; i < this.settings.count; i++)
      if (this.free(this.settings.first + i)) return this.settings.first + i;
    return undefined;
  }

  private reply(question: Uint8Array, type: number, address: number): void {
    const { settings } = this;
    const head = question.slice(0, OPTIONS);
    head[0] = 2;
    head.fill(0, 16, 28);
    head.fill(0, 44, 236);
    view(head).setInt32(16, address);
    const grant =
      type === NAK
        ? []
        : [
            option32(51, settings.lease),
            option32(1, settings.mask),
            option32(3, settings.gateway),
            option32(28, settings.address | ~settings.mask),
            ...(settings.mtu === undefined ? [] : [Uint8Array.of(26, 2, settings.mtu >> 8, settings.mtu & 255)]),
          ];
    const message = concat(
      head,
      Uint8Array.of(53, 1, type),
      option32(54, settings.address),
      ...grant,
      Uint8Array.of(255),
    );
    const ciaddr = view(question).getInt32(12);
    const broadcast = ((question[10] as number) & 0x80) !== 0 || type === NAK;
    // RFC 2131 4.1: to ciaddr, else broadcast where asked for, else to the address that is being given.
    const to = ciaddr !== 0 && type !== NAK ? ciaddr : broadcast ? ip('255.255.255.255') : address;
    const mac = to === -1 ? BROADCAST_MAC : question.slice(28, 34);
    this.send(ethernet(mac, this.mac, TYPE_IPV4, udp(settings.address, 67, to, 68, message)));
  }
}

function option32(code: number, value: number): Uint8Array {
  const bytes = Uint8Array.of(code, 4, 0, 0, 0, 0);
  view(bytes).setInt32(2, value | 0);
  return bytes;
}

function number(bytes: Uint8Array | undefined): number | undefined {
  return bytes?.length === 4 ? view(bytes).getInt32(0) : undefined;
}

function readOptions(message: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = OPTIONS; at < message.length && message[at] !== 255; ) {
    const code = message[at] as number;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = message[at + 1] ?? 0;
    options.set(code, message.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}
