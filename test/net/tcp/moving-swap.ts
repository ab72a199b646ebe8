/** Two programs at one address in virtual time, of which the old one gives its connections to the young one. */
import { NO_FAULTS } from '../../../src/net/device/wrap/faults.js';
import { Asker, type AskerPlan } from '../../sim/asker.js';
import { SimHost } from '../../sim/host.js';
import { ip, readIp, readTcp } from '../../sim/packets.js';
import { Address, CLIENT, CLIENT_MAC, Program, SERVER } from '../../sim/programs.js';
import { contents, memoriesOf, siteOf } from '../../sim/swap.js';
import { World } from '../../sim/world.js';

const ONE: AskerPlan = { paths: [], pipelined: false, think: 0, close: false, slices: 1, content: 0, pause: 0 };

/** An old program with clients, and a young one whose clock began at another time, on a good cable. */
export class Swap {
  readonly world = new World(1);
  readonly address = new Address(this.world, () => 0.5);
  readonly client = new SimHost(this.world, { name: 'client', mac: CLIENT_MAC });
  readonly old: Program;
  readonly young: Program;
  /** What the site sent, while it came through. */
  readonly sent: { at: number; seq: number; flags: number; length: number; stamp: number }[] = [];
  deaf = false;

  constructor(missing = false) {
    const { world, address, client } = this;
    const faults = { ...NO_FAULTS, delay: 5, rate: 2000, queue: 1_000_000 };
    client.connectTo(world.wire('to the site', address, faults));
    client.place(CLIENT, 24);
    const arrive = { take: (frame: Uint8Array) => this.arrive(frame) };
    const back = world.wire('from the site', arrive, faults);
    const programs = [0, 3_000_000].map((clock, i) => {
      const site = siteOf(0);
      const program = new Program(
        world,
        site,
        clock,
        {},
        memoriesOf(site, () => missing),
      );
      address.plug(program, back, i);
      return program;
    });
    [this.old, this.young] = programs as [Program, Program];
    address.serve(this.old, 0);
  }

  private arrive(frame: Uint8Array): void {
    const packet = readIp(frame);
    const segment = packet && readTcp(packet.payload);
    if (packet !== undefined && segment !== undefined) {
      const { seq, flags, header } = segment;
      const payload = packet.payload.subarray(header);
      const at = packet.payload.subarray(0, header).indexOf(8, 20);
      const view = new DataView(packet.payload.buffer, packet.payload.byteOffset);
      this.sent.push({ at: this.now, seq, flags, length: payload.length, stamp: view.getInt32(at + 2) });
    }
    if (!this.deaf) this.client.take(frame);
  }

  get now(): number {
    return this.world.time.now();
  }

  ask(plan: Partial<AskerPlan>): Asker {
    const asker = new Asker(this.client, { ...ONE, ...plan }, (path) => [contents(0)[path]!]);
    this.client.dial(ip(SERVER), 80, asker, (flow) => asker.begin(flow));
    return asker;
  }

  handOver(): void {
    this.address.handOver([this.old], this.young, 1);
  }

  /** Promises get their turn, too. */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    while (this.now < until && !done()) {
      this.world.time.run(this.now + 1);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    }
  }
}
