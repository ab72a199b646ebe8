import { Memory } from '../../memory/memory.js';
import type { Endpoint, Flow } from '../../net/flow.js';
import type { Content, Extent } from '../../store/store.js';
import type { AnswerWriter } from './answer-writer.js';
import { Later } from './later.js';
import { ReadyAnswers } from './ready-answers.js';
import { type Ending, PERSIST_1_0, type Tails, type WallClock } from './tails.js';

/** Writes answers as HTTP/1.1 has them (RFC 9112), to the flow that is set. One for all connections. */
export class Http1Writer implements AnswerWriter {
  readonly #clock: WallClock;
  readonly #plain: Tails;
  readonly #secure: Tails;
  readonly #plainReady: ReadyAnswers;
  readonly #secureReady: ReadyAnswers;
  /** Those of the answer at hand. */
  #tails: Tails;
  #ready: ReadyAnswers;
  #flow!: Flow;
  #later: Later | undefined = undefined;

  /** `secure`: the tails for clients that came to a proxy over HTTPS. */
  constructor(tails: Tails, clock: WallClock, secure = tails) {
    this.#clock = clock;
    this.#plain = this.#tails = tails;
    this.#secure = secure;
    this.#plainReady = this.#ready = new ReadyAnswers(tails);
    this.#secureReady = secure === tails ? this.#ready : new ReadyAnswers(secure);
  }

  /** The next answer goes to `flow`. */
  to(flow: Flow): this {
    this.#flow = flow;
    this.#later = undefined;
    this.#tails = this.#plain;
    this.#ready = this.#plainReady;
    return this;
  }

  /** The part of the answer that is written later; undefined: all of it is written. */
  get later(): Later | undefined {
    return this.#later;
  }

  get remote(): Endpoint {
    return this.#flow.remote;
  }

  secured(yes: boolean): void {
    this.#tails = yes ? this.#secure : this.#plain;
    this.#ready = yes ? this.#secureReady : this.#plainReady;
  }

  interim({ memory, start, end }: Extent): void {
    this.#flow.write(memory, start, end);
  }

  whole(head: Extent, body: Content | undefined, ending: Ending): void {
    const flow = this.#flow;
    if (ending !== PERSIST_1_0 && body?.source === undefined) {
      const ready = this.#ready.get(head, body, this.#clock, ending);
      if (ready !== undefined) {
        flow.write(ready, 0, ready.bytes.length);
        return;
      }
    }
    flow.write(head.memory, head.start, head.end);
    this.#tails.write(flow, this.#clock, ending);
    if (body !== undefined && body.end > body.start) this.content(body);
  }

  head({ memory, start, end }: Extent): void {
    this.#flow.write(memory, start, end);
  }

  text(lines: string): void {
    const memory = Memory.of(lines);
    this.#flow.write(memory, 0, memory.bytes.length);
  }

  end(ending: Ending): void {
    this.#tails.write(this.#flow, this.#clock, ending);
  }

  content(piece: Content): void {
    const { memory, start, end, source } = piece;
    if (this.#later === undefined && !Later.needs(piece)) this.#flow.write(memory, start, end);
    else {
      this.#later ??= new Later();
      this.#later.add(memory, start, end, source);
    }
  }
}
