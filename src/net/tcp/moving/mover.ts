/**
 * The old program's side: its connections go to the program that has the traffic, each as soon as it can. A frozen
 * connection has no owner that acts: it sends nothing, no timer fires, and what comes for it waits. The other side's
 * word decides which program owns it.
 */
import type { Memories, MemoryName } from '../../../memory/memories.js';
import type { Memory } from '../../../memory/memory.js';
import type { TcpLayer } from '../layer.js';
import type { Connection } from '../state/connection.js';
import { CLOSED } from '../state/states.js';
import { FlowTable } from '../tables/flow-table.js';
import { type FrozenRecord, freeze, memoriesOf, movable } from './freeze.js';
import { type CarriedName, flowName } from './hand-over.js';
import { MOVE_VERSION, type MovingRecord } from './record.js';

/** Connections frozen at one time: few enough that the other side is through with them within a millisecond or two. */
const BATCH = 64;
/**
 * The bytes that these take along; the last connection may go beyond. A socket takes this amount at once. On a busy
 * machine a message that does not fit waits for both programs to have their turns, and its connections wait with it.
 */
const BATCH_BYTES = 64 * 1024;
/** Segments that wait for one frozen connection; further ones are lost, as on a wire. */
const MOST_WAITING = 256;

interface Waiting {
  readonly tos: number;
  readonly datagram: Uint8Array;
}

class Frozen {
  readonly remoteAddress: number;
  readonly localAddress: number;
  readonly ports: number;
  readonly waiting: Waiting[] = [];

  constructor(readonly connection: Connection) {
    this.remoteAddress = connection.remoteAddress;
    this.localAddress = connection.localAddress;
    this.ports = connection.ports;
  }
}

export interface MoverEvents {
  /** Asks the other side to adopt these. The answer comes through `settled`, for all of them at once. */
  move(records: readonly MovingRecord[]): void;
  /** Asks the other side to open this memory. The answer comes through `opened`. */
  open(name: MemoryName): void;
  /** A datagram with a whole, verified segment, for a connection that has moved: it goes back. */
  forward(tos: number, datagram: Uint8Array): void;
  /** The same for one that has stayed: as if it came now. */
  deliver(tos: number, datagram: Uint8Array): void;
}

export class Mover {
  private readonly frozen: FlowTable<Frozen>;
  private readonly asked = new Set<string>();
  private readonly openThere = new Set<string>();
  /** What the other side refused stays for good. */
  private readonly refused = new WeakSet<Connection>();

  constructor(
    private readonly layer: TcpLayer,
    private readonly memories: Memories | undefined,
    private readonly events: MoverEvents,
    /** The newest version of a record that the other side takes. */
    private readonly version: number = MOVE_VERSION,
  ) {
    this.frozen = new FlowTable<Frozen>(layer.hash, layer.ip.peers);
  }

  /** Connections whose owner is not decided. */
  get undecided(): number {
    return this.frozen.size;
  }

  /**
   * Freezes a batch of the connections that can move now. Call it between two entries of the stack, when everything has
   * been flushed.
   */
  sweep(): void {
    if (this.frozen.size > 0) return;
    const records: MovingRecord[] = [];
    let bytes = 0;
    for (const c of [...this.layer.connections]) {
      if (records.length === BATCH || bytes >= BATCH_BYTES) break;
      const one = this.freeze(c);
      if (one === undefined) continue;
      bytes += one.bytes;
      this.layer.detach(c);
      this.frozen.add(new Frozen(c));
      records.push(one.record);
    }
    if (records.length === 0) return;
    try {
      this.events.move(records);
    } catch (error) {
      // None of it has left.
      this.thaw(true);
      this.layer.faults.note(error, 'program', this.layer.now);
    }
  }

  private freeze(c: Connection): FrozenRecord | undefined {
    try {
      if (this.refused.has(c) || !movable(c) || !this.canBeOpened(c)) return undefined;
      return freeze(c, this.idOf, this.version);
    } catch (error) {
      this.layer.faulted(c, error);
      return undefined;
    }
  }

  private readonly idOf = (memory: Memory): string | undefined => this.memories?.nameOf(memory)?.id;

  /** Whether the other side has every memory of its queue. Asks the other side to open those that it does not have. */
  private canBeOpened(c: Connection): boolean {
    let all = true;
    for (const memory of memoriesOf(c)) {
      const name = this.memories?.nameOf(memory);
      if (name === undefined || this.openThere.has(name.id)) continue;
      all = false;
      if (this.asked.has(name.id)) continue;
      this.asked.add(name.id);
      this.events.open(name);
    }
    return all;
  }

  /** The other side has this memory at hand. */
  opened(id: string): void {
    if (this.asked.has(id)) this.openThere.add(id);
  }

  /** The other side's word: `moved` are its own by now, everything else that is frozen is ours. */
  settled(moved: readonly CarriedName[]): void {
    const theirs: Frozen[] = [];
    for (const carried of moved) {
      const name = flowName(this.layer.ip.peers, carried);
      const one = name && this.frozen.get(...name);
      if (one === undefined) continue;
      this.frozen.delete(one);
      theirs.push(one);
    }
    // Only now is an owner told, which may fail: by now it is settled which connections are theirs.
    for (const one of theirs) this.part(one);
    this.thaw(true);
  }

  /** What is frozen may have an owner in the other program, whose word could not be read: it is not ours. */
  forsaken(): void {
    for (const one of [...this.frozen]) {
      this.frozen.delete(one);
      this.part(one);
    }
  }

  private part({ connection, waiting }: Frozen): void {
    const { handler } = connection;
    this.layer.counters.movedOut++;
    // The owner gets no report of an end: the connection has not ended.
    connection.state = CLOSED;
    connection.closedReported = true;
    try {
      connection.release();
      handler.moved?.(connection);
      for (const { tos, datagram } of waiting) this.events.forward(tos, datagram);
    } catch (error) {
      this.layer.faults.note(error, 'connection', this.layer.now);
    }
  }

  /** There is no other side any more. */
  lost(): void {
    this.thaw(false);
  }

  private thaw(refused: boolean): void {
    for (const one of [...this.frozen]) {
      this.frozen.delete(one);
      const { connection } = one;
      if (refused) this.refused.add(connection);
      try {
        this.layer.attach(connection);
        connection.handler.thaw?.(connection);
        for (const { tos, datagram } of one.waiting) this.events.deliver(tos, datagram);
      } catch (error) {
        this.layer.faulted(connection, error);
      }
    }
  }

  /** A datagram for one of ours. True: it waits with a frozen connection. The bytes are kept. */
  segment(remote: number, local: number, ports: number, tos: number, datagram: Uint8Array): boolean {
    if (this.frozen.size === 0) return false;
    const one = this.frozen.get(remote, local, ports);
    if (one === undefined) return false;
    if (one.waiting.length < MOST_WAITING) one.waiting.push({ tos, datagram });
    return true;
  }
}
