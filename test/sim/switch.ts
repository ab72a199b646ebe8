/** A learning Ethernet switch: floods what it does not know, and forgets the oldest address when its table is full. */
import type { Faults } from '../../src/net/device/wrap/faults.js';
import { macKey } from './packets.js';
import type { Port, World } from './world.js';

const TABLE = 1024;

export class Switch {
  private readonly out: ((frame: Uint8Array) => void)[] = [];
  private readonly table = new Map<number, number>();

  constructor(
    private readonly world: World,
    readonly name: string,
  ) {}

  /** Plugs in a cable whose far end is `node`; answers what the node sends with. */
  plug(name: string, node: Port, towards: Faults, from: Faults): (frame: Uint8Array) => void {
    const port = this.out.length;
    this.out.push(this.world.wire(`${this.name} to ${name}`, node, towards));
    return this.world.wire(`${name} to ${this.name}`, { take: (frame) => this.forward(port, frame) }, from);
  }

  private forward(from: number, frame: Uint8Array): void {
    if (frame.length < 14) return;
    const source = macKey(frame.subarray(6, 12));
    if (((frame[6] as number) & 1) === 0) {
      this.table.delete(source);
      this.table.set(source, from);
      if (this.table.size > TABLE) this.table.delete(this.table.keys().next().value as number);
    }
    const to = ((frame[0] as number) & 1) === 1 ? undefined : this.table.get(macKey(frame.subarray(0, 6)));
    if (to === from) return;
    if (to !== undefined) this.out[to]?.(frame);
    else for (let port = 0; port < this.out.length; port++) if (port !== from) this.out[port]?.(frame);
  }
}
