/**
 * An attacker on the same network that cannot see the victims' traffic: floods of SYNs from forged sources, blind
 * resets, data and ACKs for guessed connections, forged ICMP errors, malformed frames. Nothing of it may change what
 * the victims deliver to each other.
 */
import { NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { SeededRandom } from '../../src/net/host/seeded-random.js';
import {
  ACK,
  arp,
  BROADCAST_MAC,
  concat,
  ethernet,
  FIN,
  ICMP,
  icmpError,
  ipv4,
  PSH,
  RST,
  SYN,
  TCP,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  UDP,
  udp,
} from './packets.js';
import type { Switch } from './switch.js';
import type { World } from './world.js';

export interface Victim {
  readonly mac: Uint8Array;
  /** Asked at each blow: DHCP may change it. */
  ipv4(): number | undefined;
}

export interface AttackSettings {
  readonly start: number;
  /** Milliseconds between two frames, and how many there are. */
  readonly interval: number;
  readonly count: number;
  /** Ports that the attacker guesses right. */
  readonly ports: readonly number[];
}

export class Attacker {
  private readonly mac = Uint8Array.of(2, 0xbd, 0, 0, 0, 1);
  private readonly random: SeededRandom;
  private readonly send: (frame: Uint8Array) => void;
  sent = 0;

  constructor(
    private readonly world: World,
    network: Switch,
    private readonly victims: readonly Victim[],
    private readonly settings: AttackSettings,
  ) {
    this.random = world.random.fork(0xbad);
    this.send = network.plug('attacker', { take: () => {} }, NO_FAULTS, NO_FAULTS);
    world.time.at(settings.start, () => this.strike());
  }

  private strike(): void {
    const { random, settings } = this;
    const victim = random.pick(this.victims);
    const address = victim.ipv4();
    if (address !== undefined) this.send(this.frame(victim, address));
    this.sent += 1;
    if (this.sent < settings.count)
      this.world.time.schedule(settings.interval * 2 * random.unit(), () => this.strike());
  }

  private frame(victim: Victim, address: number): Uint8Array {
    const { random } = this;
    const kind = random.below(10);
    if (kind === 0) return this.malformed(victim.mac, address);
    if (kind === 1) return this.noise(victim.mac);
    if (kind === 2) return this.strangeArp(address);
    return ethernet(
      victim.mac,
      this.mac,
      TYPE_IPV4,
      kind === 3 ? this.forgedError(address) : this.segment(address, kind),
    );
  }

  private segment(address: number, kind: number): Uint8Array {
    const { random } = this;
    const others = this.victims.map((one) => one.ipv4()).filter((one) => one !== undefined && one !== address);
    // Half of them claim to come from another victim, half from anywhere.
    const source = random.chance(0.5) && others.length > 0 ? (random.pick(others) as number) : this.anywhere();
    const flags =
      kind < 6 ? SYN : random.pick([RST, RST | ACK, ACK, ACK | PSH, ACK | FIN, SYN | ACK, SYN | FIN, 0, 0xff]);
    return tcp({
      source,
      from: random.chance(0.5) ? random.pick(this.settings.ports) : 1024 + random.below(64_512),
      destination: address,
      to: random.chance(0.8) ? random.pick(this.settings.ports) : random.below(65_536),
      seq: random.random32(),
      ack: random.random32(),
      flags,
      window: random.below(65_536),
      options: random.chance(0.3) ? this.bytes(random.below(40)) : new Uint8Array(0),
      payload: flags === SYN ? new Uint8Array(0) : this.bytes(random.below(100)),
    });
  }

  /** An ICMP error about a segment that the victim may have sent, with a sequence number out of thin air. */
  private forgedError(address: number): Uint8Array {
    const { random } = this;
    const others = this.victims.map((one) => one.ipv4()).filter((one) => one !== undefined && one !== address);
    const about = tcp({
      source: address,
      from: random.pick(this.settings.ports),
      destination: others.length > 0 ? (random.pick(others) as number) : this.anywhere(),
      to: random.chance(0.5) ? random.pick(this.settings.ports) : random.below(65_536),
      seq: random.random32(),
      ack: 0,
      flags: ACK,
    });
    const [type, code] = random.pick([
      [3, 0],
      [3, 1],
      [3, 2],
      [3, 3],
      [3, 4],
      [4, 0],
      [5, 1],
      [11, 0],
      [12, 0],
    ]) as [number, number];
    return icmpError(this.anywhere(), type, code, random.pick([0, 68, 296, 576, 1400]), about);
  }

  /** A packet that is right but for a few octets. */
  private malformed(mac: Uint8Array, address: number): Uint8Array {
    const { random } = this;
    const source = this.anywhere();
    const packet = random.pick([
      () => udp(source, 67, address, 68, this.bytes(300)),
      () => udp(source, random.below(65_536), address, random.below(65_536), this.bytes(random.below(64))),
      () =>
        ipv4({ source, destination: address, protocol: ICMP, payload: concat(Uint8Array.of(8, 0), this.bytes(20)) }),
      () => ipv4({ source, destination: address, protocol: random.below(256), payload: this.bytes(random.below(60)) }),
      () => ipv4({ source, destination: address, protocol: TCP, payload: this.bytes(random.below(40)) }),
      () => ipv4({ source, destination: address, protocol: UDP, payload: this.bytes(random.below(12)) }),
    ])();
    for (let flips = random.below(4); flips > 0; flips--) packet[random.below(packet.length)] = random.below(256);
    const frame = ethernet(mac, this.mac, TYPE_IPV4, packet);
    return random.chance(0.3) ? frame.slice(0, random.below(frame.length)) : frame;
  }

  private noise(mac: Uint8Array): Uint8Array {
    const { random } = this;
    return concat(mac, this.mac, this.bytes(random.below(200)));
  }

  /** ARP that claims nothing about a victim: requests from elsewhere, replies nobody asked for, nonsense. */
  private strangeArp(address: number): Uint8Array {
    const { random } = this;
    const body = arp({
      operation: random.pick([1, 2, 1, 2, 0, 3, 9]),
      senderMac: this.mac,
      sender: this.anywhere(),
      targetMac: this.bytes(6),
      target: random.chance(0.5) ? address : this.anywhere(),
    });
    if (random.chance(0.3)) body[random.below(8)] = random.below(256);
    return ethernet(BROADCAST_MAC, this.mac, TYPE_ARP, body);
  }

  /** Somewhere in 100.64.0.0/10, where no victim lives. */
  private anywhere(): number {
    return (100 << 24) | (64 << 16) | this.random.below(0x40_0000);
  }

  private bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.random.below(256);
    return bytes;
  }
}
