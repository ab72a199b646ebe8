/** Our stack as the one that is asked, in virtual time. */
import { Memory } from '../../../src/memory/memory.js';
import type { Flow } from '../../../src/net/flow.js';
import { SimHost } from '../../sim/host.js';
import { ip } from '../../sim/packets.js';
import { World } from '../../sim/world.js';
import { OPEN, type OracleSubject } from './subject.js';

const zeros = new Memory(new Uint8Array(1 << 20));

export class OurStack implements OracleSubject {
  readonly mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  readonly address = ip('10.0.0.1');
  private readonly world = new World(1);
  private readonly host = new SimHost(this.world, { name: 'ours', mac: this.mac });
  private readonly flows = new Map<number, Flow>();
  private readonly heard = new Set<(frame: Uint8Array) => void>();

  constructor() {
    this.host.connectTo((frame) => {
      for (const one of this.heard) one(frame);
    });
    this.host.place('10.0.0.1', 24);
    void this.host.listen(OPEN, (flow) => {
      flow.handler = { data() {}, ended() {}, drained() {}, closed() {} };
      this.flows.set(flow.remote.port, flow);
    });
  }

  send(frame: Uint8Array): void {
    this.host.take(frame);
    this.world.time.run(this.world.time.now() + 0.01);
  }

  async wait(ms: number): Promise<void> {
    this.world.time.run(this.world.time.now() + ms);
  }

  listen(heard: (frame: Uint8Array) => void): () => void {
    this.heard.add(heard);
    return () => void this.heard.delete(heard);
  }

  async accepted(): Promise<void> {}

  write(port: number, bytes: number): void {
    this.host.enter(() => this.flows.get(port)?.write(zeros, 0, bytes));
  }

  end(port: number): void {
    this.host.enter(() => this.flows.get(port)?.end());
  }

  reset(port: number): void {
    this.host.enter(() => this.flows.get(port)?.reset());
  }
}
