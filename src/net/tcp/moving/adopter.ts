/**
 * The new program's side: it takes what its predecessors send, and says which of it is its own from then on. An adopted
 * connection sends nothing before that word lies where the other side will read it, even if this program ends then.
 */
import type { Memories, MemoryName } from '../../../memory/memories.js';
import type { Memory } from '../../../memory/memory.js';
import { wipe } from '../../../memory/wipe.js';
import type { TcpLayer } from '../layer.js';
import type { Connection } from '../state/connection.js';
import { adopt } from './adopt.js';
import { carriedName } from './hand-over.js';
import type { MovingRecord } from './record.js';

export class Adopter {
  /** Memories that connections on their way refer to. Those that have come keep theirs by referring to it. */
  private readonly open = new Map<string, Memory>();
  /** Names of adopted connections that have not begun. */
  private readonly adopted = new Set<string>();

  constructor(
    private readonly layer: TcpLayer,
    private readonly memories: Memories | undefined,
  ) {}

  /** Adopted connections whose word is on its way to the other side. */
  get undecided(): number {
    return this.adopted.size;
  }

  /** Opens a memory; returns whether it is at hand. */
  async prepare(name: MemoryName): Promise<boolean> {
    if (!this.open.has(name.id)) {
      const memory = await this.memories?.open(name);
      if (memory === undefined) return false;
      this.open.set(name.id, memory);
    }
    return true;
  }

  /**
   * Adopts the connections that it can. The rest stay where they are. Begin each once the other side is sure to learn
   * of it.
   */
  take(records: readonly MovingRecord[]): Connection[] {
    const taken: Connection[] = [];
    for (const record of records) {
      if (this.adopted.has(String(record?.name))) continue;
      const c = this.adopt(record);
      if (c === undefined) {
        // The connection stays where it is, and its record may hold keys.
        wipe(record);
        continue;
      }
      this.adopted.add(this.keyOf(c));
      taken.push(c);
    }
    return taken;
  }

  private adopt(record: MovingRecord): Connection | undefined {
    try {
      return adopt(this.layer, record, (id) => this.open.get(id));
    } catch (error) {
      this.layer.faults.note(error, 'connection', this.layer.now);
      return undefined;
    }
  }

  private keyOf(c: Connection): string {
    return String(carriedName(this.layer.ip.peers, c));
  }

  /** It is ours alone: it goes on. */
  begin(c: Connection): void {
    this.adopted.delete(this.keyOf(c));
    this.layer.counters.movedIn++;
    try {
      this.layer.attach(c);
      c.handler.thaw?.(c);
    } catch (error) {
      this.layer.faulted(c, error);
    }
  }

  /** No predecessor is left that could send more. */
  forget(): void {
    this.open.clear();
  }
}
