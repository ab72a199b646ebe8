import { Memory } from '../memory/memory.js';
import type { Endpoint, Flow } from '../net/flow.js';
import type { Extent } from '../store/store.js';
import type { AnswerWriter } from './answer-writer.js';
import type { Deadlines } from './deadlines.js';
import { ReadyAnswers } from './ready-answers.js';
import { type Ending, PERSIST_1_0, type Tails } from './tails.js';

/** Writes answers as HTTP/1.1 has them (RFC 9112), to the flow that is set. One for all connections. */
export class Http1Writer implements AnswerWriter {
  readonly #clock: Deadlines;
  readonly #tails: Tails;
  readonly #ready: ReadyAnswers;
  /** Where the next answer goes. */
  flow!: Flow;

  constructor(tails: Tails, clock: Deadlines) {
    this.#clock = clock;
    this.#tails = tails;
    this.#ready = new ReadyAnswers(tails);
  }

  get remote(): Endpoint {
    return this.flow.remote;
  }

  interim({ memory, start, end }: Extent): void {
    this.flow.write(memory, start, end);
  }

  whole(head: Extent, body: Extent | undefined, ending: Ending): void {
    const { flow } = this;
    if (ending !== PERSIST_1_0) {
      const ready = this.#ready.get(head, body, this.#clock.wallClock, ending);
      if (ready !== undefined) {
        flow.write(ready, 0, ready.bytes.length);
        return;
      }
    }
    flow.write(head.memory, head.start, head.end);
    this.#tails.write(flow, this.#clock.wallClock, ending);
    if (body !== undefined && body.end > body.start) flow.write(body.memory, body.start, body.end);
  }

  head({ memory, start, end }: Extent): void {
    this.flow.write(memory, start, end);
  }

  text(lines: string): void {
    const memory = Memory.of(lines);
    this.flow.write(memory, 0, memory.bytes.length);
  }

  end(ending: Ending): void {
    this.#tails.write(this.flow, this.#clock.wallClock, ending);
  }

  content(memory: Memory, start: number, end: number): void {
    this.flow.write(memory, start, end);
  }
}
