/**
 * A client of the network's hosts that opens connections and then lies about what it gets (`liar.ts`), while honest
 * ones go on beside it. What it says is drawn from the seed; each host answers on a port of its own for it, with more
 * than it will ever take.
 */
import { Memory } from '../../src/memory/memory.js';
import { NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { Flow, FlowHandler } from '../../src/net/flow.js';
import type { SeededRandom } from '../../src/net/host/seeded-random.js';
import type { SimHost } from './host.js';
import { Liar, type Lie } from './liar.js';
import {
  ACK,
  arp,
  concat,
  ethernet,
  ip,
  macKey,
  RST,
  readArp,
  readIp,
  readTcp,
  SYN,
  TCP,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  view,
} from './packets.js';
import type { Switch } from './switch.js';
import type { World } from './world.js';

const ADDRESS = ip('10.0.0.66');
const SERVICE = 9;
const ISS = 1000;
const MSS = 1460;
const ECE = 64;
/** Bytes that a host has for it. */
const PLENTY = 4 << 20;

/** Writes all it has, and reads nothing of what comes. */
const generous: FlowHandler = { data() {}, ended: (flow) => flow.end(), drained() {}, closed() {} };

class Deceived {
  liar: Liar | undefined;
  constructor(
    readonly host: SimHost,
    readonly port: number,
    readonly sackOk: boolean,
  ) {}
}

export class Adversary {
  private readonly mac = Uint8Array.of(2, 0xbd, 0, 0, 0, 2);
  private readonly random: SeededRandom;
  private readonly below: (limit: number) => number;
  private readonly send: (frame: Uint8Array) => void;
  private readonly all: Deceived[] = [];
  private readonly flows: [SimHost, Flow][] = [];
  private left: number;
  private over = false;

  /** `count` segments in all, `interval` ms apart on average. */
  constructor(
    private readonly world: World,
    network: Switch,
    hosts: readonly SimHost[],
    count: number,
    private readonly interval: number,
  ) {
    this.left = count;
    this.random = world.random.fork(0x11a2);
    this.below = (limit) => this.random.below(limit);
    this.send = network.plug('adversary', { take: (frame) => this.take(frame) }, NO_FAULTS, NO_FAULTS);
    const plenty = new Memory(new Uint8Array(1 << 16));
    for (const host of hosts) {
      void host.listen(SERVICE, (flow) => {
        flow.handler = generous;
        if (this.over) return flow.reset();
        this.flows.push([host, flow]);
        for (let bytes = 0; bytes < PLENTY; bytes += plenty.bytes.length) flow.write(plenty, 0, plenty.bytes.length);
      });
      for (let i = 0; i < 2; i++) this.all.push(new Deceived(host, 7000 + this.all.length, this.random.chance(0.6)));
    }
    world.time.schedule(interval, () => this.strike());
  }

  /**
   * It lies no more. A host that it was cut off from, or that it took everything from, would wait for it for ever, as
   * TCP is made: it is ended here, and what is still under way is ended when it comes.
   */
  end(): void {
    this.over = true;
    for (const [host, flow] of this.flows) host.enter(() => flow.reset());
  }

  private strike(): void {
    if (this.over) return;
    const one = this.random.pick(this.all);
    if (one.host.ipv4() !== undefined) {
      if (one.liar === undefined) this.segment(one, SYN, (ISS - 1) | 0, 0, 65_535, this.synOptions(one));
      else this.lie(one, one.liar.next(this.below));
    }
    if (--this.left > 0) this.world.time.schedule(this.interval * 2 * this.random.unit(), () => this.strike());
    else for (const each of this.all) this.segment(each, RST, ISS, 0, 0, new Uint8Array(0));
  }

  private synOptions(one: Deceived): Uint8Array {
    const sack = one.sackOk ? [4, 2] : [1, 1];
    return Uint8Array.of(2, 4, MSS >> 8, MSS & 255, ...sack, 1, 3, 3, 7, 1, 1, 1);
  }

  private lie(one: Deceived, lie: Lie): void {
    const option = new Uint8Array(lie.sack.length === 0 || !one.sackOk ? 0 : 4 + lie.sack.length * 8);
    if (option.length > 0) option.set([1, 1, 5, option.length - 2]);
    lie.sack.forEach(([left, right], i) => {
      if (option.length === 0) return;
      view(option).setInt32(4 + i * 8, left);
      view(option).setInt32(8 + i * 8, right);
    });
    const flags = lie.ece ? ACK | ECE : ACK;
    this.segment(one, flags, (ISS + lie.offset) | 0, lie.ack, lie.window, option, new Uint8Array(lie.length));
  }

  private segment(
    { host, port }: Deceived,
    flags: number,
    seq: number,
    ack: number,
    window: number,
    options: Uint8Array,
    payload = new Uint8Array(0),
  ): void {
    const destination = host.ipv4();
    if (destination === undefined) return;
    const parts = { source: ADDRESS, from: port, destination, to: SERVICE, seq, ack, flags, window, options, payload };
    this.send(ethernet(host.mac, this.mac, TYPE_IPV4, tcp(parts)));
  }

  private take(frame: Uint8Array): void {
    const question = readArp(frame);
    if (question?.operation === 1 && question.target === ADDRESS) {
      const { sender, senderMac } = question;
      const answer = { operation: 2, senderMac: this.mac, sender: ADDRESS, targetMac: senderMac, target: sender };
      this.send(ethernet(senderMac, this.mac, TYPE_ARP, arp(answer)));
    }
    const packet = readIp(frame);
    if (packet === undefined || packet.protocol !== TCP || packet.destination !== ADDRESS) return;
    const segment = readTcp(packet.payload);
    const one = this.all.find(({ port }) => port === segment?.to);
    if (segment === undefined || one === undefined || macKey(frame.subarray(6, 12)) !== macKey(one.host.mac)) return;
    const first = (segment.seq + 1) | 0;
    if ((segment.flags & (SYN | ACK)) === (SYN | ACK) && one.liar === undefined) {
      one.liar = new Liar(first, one.sackOk, MSS, 60_000);
      this.segment(one, ACK, ISS, first, 65_535, concat());
    } else if ((segment.flags & RST) !== 0) one.liar = undefined;
    else one.liar?.came((segment.seq + packet.payload.length - segment.header) | 0);
  }
}
