/**
 * A small HTTP/1.1 client over flows, for simulations: keeps connections alive and fetches a list of paths over a few
 * of them.
 */
import { Memory } from '../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { concat } from './packets.js';

export interface Answer {
  readonly path: string;
  readonly status: number;
  readonly head: string;
  readonly body: Uint8Array;
}

/** Opens a connection for that visit, and calls its `next` when it stands. */
export type Connect = (visit: Visit) => void;

class Visit implements FlowHandler {
  private readonly parts: Uint8Array[] = [];
  private size = 0;
  private head: string | undefined;
  private bodyAt = 0;
  private wanted = 0;
  private path: string | undefined;

  constructor(private readonly browser: Browser) {}

  next(flow: Flow): void {
    this.path = this.browser.take();
    if (this.path === undefined) {
      flow.end();
      return;
    }
    const request = Memory.of(`GET ${this.path} HTTP/1.1\r\nHost: sim\r\nAccept-Encoding: identity\r\n\r\n`);
    flow.write(request, 0, request.bytes.length);
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.parts.push(bytes.slice(start, end));
    this.size += end - start;
    if (this.head === undefined) {
      const whole = concat(...this.parts.splice(0));
      this.parts.push(whole);
      const text = Buffer.from(whole).toString('latin1');
      const blank = text.indexOf('\r\n\r\n');
      if (blank < 0) return;
      this.head = text.slice(0, blank);
      this.bodyAt = blank + 4;
      this.wanted = Number(/^content-length: *(\d+)/im.exec(this.head)?.[1] ?? Number.NaN);
    }
    if (this.size < this.bodyAt + this.wanted) return;
    const whole = concat(...this.parts.splice(0));
    if (whole.length > this.bodyAt + this.wanted) this.browser.problems.push(`${this.path}: more than its length`);
    this.browser.answers.push({
      path: this.path as string,
      status: Number(this.head.slice(9, 12)),
      head: this.head,
      body: whole.subarray(this.bodyAt),
    });
    this.size = 0;
    this.head = undefined;
    this.next(flow);
  }

  ended(flow: Flow): void {
    if (this.size > 0 || this.path !== undefined) this.browser.problems.push(`${this.path}: ended early`);
    flow.end();
  }

  drained(): void {}

  closed(_flow: Flow, reason: CloseReason): void {
    this.browser.open -= 1;
    if (reason !== 'finished') this.browser.problems.push(`${this.path ?? 'idle'}: ${reason}`);
  }
}

export class Browser {
  readonly answers: Answer[] = [];
  readonly problems: string[] = [];
  open = 0;
  private readonly queue: string[];

  constructor(paths: readonly string[]) {
    this.queue = [...paths];
  }

  start(connections: number, connect: Connect): void {
    for (let i = 0; i < connections; i++) {
      const visit = new Visit(this);
      this.open += 1;
      connect(visit);
    }
  }

  take(): string | undefined {
    return this.queue.shift();
  }
}
