/**
 * Loss that two senders can be compared under: whether a TCP segment is lost depends on which connection it is of (the
 * first, the second …), which way it goes, what it is and how many like it went before; not on what else was sent. So
 * both lose the same SYNs, requests and answers, and a mean of few hundred fetches tells them apart.
 */

import { SeededRandom } from '../src/net/host/seeded-random.js';
import { readIp, readTcp, TCP } from '../test/sim/packets.js';

const SYN = 2;
const FIN = 1;

export class PairedLoss {
  private readonly connections = new Map<string, number>();
  private readonly seen = new Map<string, number>();

  constructor(
    private readonly seed: number,
    private readonly loss: number,
  ) {}

  /** `way`: 0 or 1. */
  loses(frame: Uint8Array, way: number): boolean {
    const packet = readIp(frame);
    const segment = packet?.protocol === TCP ? readTcp(packet.payload) : undefined;
    if (packet === undefined || segment === undefined) return false;
    const ends = [`${packet.source}:${segment.from}`, `${packet.destination}:${segment.to}`].sort().join();
    let connection = this.connections.get(ends);
    if (connection === undefined) {
      connection = this.connections.size;
      this.connections.set(ends, connection);
    }
    const { flags } = segment;
    const data = packet.payload.length > segment.header;
    const kind = (flags & SYN) !== 0 ? 0 : data ? 1 : (flags & FIN) !== 0 ? 2 : 3;
    const stream = connection * 8 + kind * 2 + way;
    const name = String(stream);
    const count = this.seen.get(name) ?? 0;
    this.seen.set(name, count + 1);
    const random = new SeededRandom(0);
    random.reset(this.seed, stream, count);
    return random.unit() < this.loss;
  }
}
