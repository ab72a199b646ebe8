/** Flows whose owners are listened to: the contract of `Flow`, with a recorder between. */
import type { Memory } from '../../../memory/memory.js';
import type { Accept, CloseReason, Endpoint, Flow, FlowHandler, FlowInfo, Trouble } from '../../flow.js';
import { DONE, END, ENTRY, FLUSH_FLOW, PAUSE, RESET, RESUME } from './events.js';
import type { Recorder } from './recorder.js';

/** A callback that runs. */
interface Running {
  readonly flow: number;
  readonly number: number;
  /** Something was asked for in it: it is written down. */
  asked: boolean;
}

const TIMER: Running = { flow: 0, number: 0, asked: true };

/** What an owner asks for belongs to the callback (or the timer's turn) that it asks in. */
export class Owners {
  /** Flows that were accepted so far. */
  accepted = 0;
  /** The innermost last. */
  private readonly running: Running[] = [];

  constructor(readonly recorder: Recorder) {}

  accepting(accept: Accept): Accept {
    return (flow) => {
      const id = this.accepted++;
      const recorded = new RecordedFlow(this, flow, id);
      this.within(id, 0, () => accept(recorded));
    };
  }

  /** `number`: callbacks that this flow's owner got before. */
  within(flow: number, number: number, callback: () => void): void {
    const running = { flow, number, asked: false };
    this.running.push(running);
    try {
      callback();
    } finally {
      this.running.pop();
      if (running.asked) this.recorder.bare(DONE);
    }
  }

  /** A timer's turn. */
  entry(callback: () => void): void {
    this.recorder.bare(ENTRY);
    this.running.push(TIMER);
    try {
      callback();
    } finally {
      this.running.pop();
      this.recorder.bare(DONE);
    }
  }

  /** Before something is asked for. */
  asks(): Recorder {
    const last = this.running[this.running.length - 1];
    if (last !== undefined && !last.asked) {
      last.asked = true;
      this.recorder.inCallback(last.flow, last.number);
    }
    return this.recorder;
  }
}

class RecordedFlow implements Flow, FlowHandler {
  context: unknown = undefined;
  private owner: FlowHandler | undefined = undefined;
  /** Callbacks so far; the first was that it was accepted. */
  private callbacks = 1;

  constructor(
    private readonly owners: Owners,
    private readonly inner: Flow,
    private readonly id: number,
  ) {
    inner.handler = this;
  }

  get local(): Endpoint {
    return this.inner.local;
  }

  get remote(): Endpoint {
    return this.inner.remote;
  }

  get handler(): FlowHandler {
    return this.owner ?? this;
  }

  set handler(handler: FlowHandler) {
    this.owner = handler;
  }

  get queued(): number {
    return this.inner.queued;
  }

  get lowWater(): number {
    return this.inner.lowWater;
  }

  set lowWater(bytes: number) {
    this.owners.asks().lowWater(this.id, bytes);
    this.inner.lowWater = bytes;
  }

  write(memory: Memory, start: number, end: number): void {
    this.owners.asks().write(this.id, memory, start, end);
    this.inner.write(memory, start, end);
  }

  flush(): void {
    this.owners.asks().flow(FLUSH_FLOW, this.id);
    this.inner.flush();
  }

  end(): void {
    this.owners.asks().flow(END, this.id);
    this.inner.end();
  }

  reset(): void {
    this.owners.asks().flow(RESET, this.id);
    this.inner.reset();
  }

  pause(): void {
    this.owners.asks().flow(PAUSE, this.id);
    this.inner.pause();
  }

  resume(): void {
    this.owners.asks().flow(RESUME, this.id);
    this.inner.resume();
  }

  info(): FlowInfo {
    return this.inner.info();
  }

  // What the stack reports

  private told(callback: () => void): void {
    this.owners.within(this.id, this.callbacks++, callback);
  }

  data(_flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.told(() => this.owner?.data(this, bytes, start, end));
  }

  ended(): void {
    this.told(() => this.owner?.ended(this));
  }

  drained(): void {
    this.told(() => this.owner?.drained(this));
  }

  trouble(_flow: Flow, trouble: Trouble): void {
    this.told(() => this.owner?.trouble?.(this, trouble));
  }

  urgent(_flow: Flow, left: number): void {
    this.told(() => this.owner?.urgent?.(this, left));
  }

  closed(_flow: Flow, reason: CloseReason): void {
    this.told(() => this.owner?.closed(this, reason));
  }
}
