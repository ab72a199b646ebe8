/** A server in virtual time and a peer whose segments are made by hand: send, wait, look at what came back. */
import { Memory } from '../../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../../src/net/flow.js';
import { SimHost, type SimHostOptions } from '../../sim/host.js';
import {
  ACK,
  arp,
  checksum,
  concat,
  ethernet,
  ip,
  readArp,
  readIp,
  readTcp,
  type Segment,
  SYN,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  view,
} from '../../sim/packets.js';
import { World } from '../../sim/world.js';

const OURS = ip('10.0.0.1');
const PEER = ip('10.0.0.2');
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
export interface Got {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: Uint8Array;
  readonly data: Uint8Array;
  readonly time: number;
  readonly good: boolean;
  readonly tos: number;
  readonly id: number;
  readonly dontFragment: boolean;
}

/** A server on port 80 and a peer made by hand on port 5000. */
export class Script implements FlowHandler {
  readonly world: World;
  readonly host: SimHost;
  readonly got: Got[] = [];
  received = '';
  ends = 0;
  closedWith: CloseReason | undefined;
  flow: Flow | undefined;
  answer = '';
  seq = 1000;
  ack = 0;
  /** ARP requests that came. */
  asked = 0;
  /** The ECN bits of what is sent. */
  mark = 0;

  private batching = false;

  constructor(seed = 1, options: Partial<SimHostOptions> = {}) {
    this.world = new World(seed);
    this.host = new SimHost(this.world, { name: 'host', mac: Uint8Array.of(2, 0, 0, 0, 0, 1), ...options });
    this.host.connectTo((frame) => this.take(frame));
    this.host.place('10.0.0.1', 24);
    void this.host.listen(80, (flow) => {
      flow.handler = this;
      this.flow = flow;
    });
  }

  private take(frame: Uint8Array): void {
    const question = readArp(frame);
    if (question !== undefined) {
      this.asked += 1;
      const answer = { operation: 2, senderMac: MAC, sender: PEER, targetMac: question.senderMac, target: OURS };
      if (question.target === PEER) this.host.take(ethernet(this.host.mac, MAC, TYPE_ARP, arp(answer)));
      return;
    }
    const packet = readIp(frame);
    const segment = packet === undefined ? undefined : readTcp(packet.payload);
    if (packet === undefined || segment === undefined) return;
    const pseudo = new Uint8Array(12);
    view(pseudo).setInt32(0, packet.source);
    view(pseudo).setInt32(4, packet.destination);
    pseudo[9] = 6;
    view(pseudo).setUint16(10, packet.payload.length);
    const data = packet.payload.slice(segment.header);
    this.got.push({
      ...segment,
      window: view(packet.payload).getUint16(14),
      urgent: view(packet.payload).getUint16(18),
      options: packet.payload.slice(20, segment.header),
      data,
      time: this.world.time.now(),
      good: checksum(concat(pseudo, packet.payload)) === 0,
      tos: packet.bytes[1] as number,
      id: packet.id,
      dontFragment: packet.dontFragment,
    });
  }

  send(flags: number, more: Partial<Segment> = {}, spoil = false): void {
    const packet = tcp({
      ...{ source: PEER, from: 5000, destination: OURS, to: 80, seq: this.seq, ack: this.ack, flags },
      ...more,
    });
    if (this.mark !== 0) {
      packet[1] = this.mark;
      view(packet).setUint16(10, 0);
      view(packet).setUint16(10, checksum(packet.subarray(0, 20)));
    }
    if (spoil) packet[packet.length - 1] = (packet[packet.length - 1] as number) ^ 1;
    this.host.take(ethernet(this.host.mac, MAC, TYPE_IPV4, packet));
    if (!this.batching) this.wait(0.001);
  }

  /** What `what` sends comes to the stack in one turn. */
  together(what: () => void): void {
    this.batching = true;
    what();
    this.batching = false;
    this.wait(0.001);
  }

  wait(milliseconds: number): void {
    this.world.time.run(this.world.time.now() + milliseconds);
  }

  /** What came since the last call. */
  since(): Got[] {
    return this.got.splice(0);
  }

  open(options: Uint8Array = new Uint8Array(0), window = 65_535): Got {
    this.send(SYN, { options, window });
    this.wait(1);
    const answer = this.since()[0] as Got;
    this.seq += 1;
    this.ack = (answer.seq + 1) | 0;
    this.send(ACK, { window });
    return answer;
  }

  text(text: string): Uint8Array {
    return new TextEncoder().encode(text);
  }

  write(bytes: number): void {
    this.host.enter(() => this.flow?.write(new Memory(new Uint8Array(bytes)), 0, bytes));
  }

  data(_flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.received += new TextDecoder().decode(bytes.subarray(start, end));
  }

  ended(): void {
    this.ends += 1;
  }

  drained(): void {}

  closed(_flow: Flow, reason: CloseReason): void {
    this.closedWith = reason;
  }
}
