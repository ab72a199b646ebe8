/** The owners of a replay's connections: they ask of them what was recorded, at the callbacks at which it was. */
import { Memory } from '../../../memory/memory.js';
import type { Flow, FlowHandler } from '../../flow.js';
import type { TcpLayer } from '../../tcp/index.js';
import * as E from './events.js';
import { Events } from './reader.js';

export class PlayedOwners {
  /** Writes of which only the length is known. */
  blanks = 0;
  /** Flows that were accepted so far, in the recording as well. */
  accepted = 0;
  private readonly flows = new Map<number, Flow>();
  private readonly listeners = new Map<number, { close(): void }>();
  private readonly memories: Map<number, Memory>;

  /** `until`: does everything up to DONE. */
  constructor(
    segments: readonly Uint8Array[],
    private readonly events: Events,
    private readonly tcp: TcpLayer,
    private readonly until: () => void,
  ) {
    this.memories = memoriesOf(segments);
  }

  /** Does what the next event says that an owner asked for. False: it says nothing of the kind. */
  ask(): boolean {
    const { events } = this;
    const { kind, value, start, end } = events.next;
    const flow = this.flows.get(events.next.flow);
    if (kind === E.WRITE) {
      const target = this.learnBytes();
      events.advance();
      flow?.write(target, start, end);
      return true;
    }
    if (kind < E.LISTEN || kind > E.ABORT_ALL) return false;
    events.advance();
    if (kind === E.LISTEN) this.listen(value);
    else if (kind === E.UNLISTEN) this.listeners.get(value)?.close();
    else if (kind === E.ABORT_ALL) this.tcp.abortAll('network-closed');
    else if (flow === undefined) return true;
    else if (kind === E.FLUSH_FLOW) flow.flush();
    else if (kind === E.END) flow.end();
    else if (kind === E.RESET) flow.reset();
    else if (kind === E.PAUSE) flow.pause();
    else if (kind === E.RESUME) flow.resume();
    else if (kind === E.LOW_WATER) flow.lowWater = value;
    return true;
  }

  /** What the next event, a write, says of the bytes of its memory. */
  learnBytes(): Memory {
    const { memory, content, bytes, start } = this.events.next;
    const target = this.memories.get(memory)!;
    if (content === 1) target.bytes.set(bytes, start);
    else if (content === 2) this.blanks += 1;
    return target;
  }

  listen(port: number): void {
    const listening = this.tcp.listen(port, (flow) => this.accept(flow));
    this.listeners.set(port, listening);
  }

  private accept(flow: Flow): void {
    const id = this.accepted++;
    const owner = new PlayedOwner((number) => this.callback(id, number));
    flow.handler = owner;
    this.flows.set(id, flow);
    owner.data();
  }

  /** The owner got a report: what it asked for then is done. */
  private callback(flow: number, number: number): void {
    const { next } = this.events;
    if (next.kind !== E.CALLBACK || next.flow !== flow || next.value !== number) return;
    this.events.advance();
    this.until();
  }
}

/** Stands for the owner of one connection: counts the reports that it gets. */
class PlayedOwner implements FlowHandler {
  private callbacks = 0;
  readonly data: () => void;
  readonly ended: () => void;
  readonly drained: () => void;
  readonly trouble: () => void;
  readonly urgent: () => void;
  readonly closed: () => void;

  constructor(told: (number: number) => void) {
    const count = (): void => told(this.callbacks++);
    this.data = this.ended = this.drained = this.trouble = this.urgent = this.closed = count;
  }
}

/** Room for what was written: as large as the last byte of each memory that is referred to. */
function memoriesOf(segments: readonly Uint8Array[]): Map<number, Memory> {
  const ends = new Map<number, number>();
  const events = new Events(segments);
  for (; events.next.kind !== 0; events.advance()) {
    const { kind, memory, end } = events.next;
    if (kind === E.WRITE) ends.set(memory, Math.max(end, ends.get(memory) ?? 0));
  }
  const memories = new Map<number, Memory>();
  for (const [memory, end] of ends) memories.set(memory, new Memory(new Uint8Array(end)));
  return memories;
}
