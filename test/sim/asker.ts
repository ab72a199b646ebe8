/**
 * A client that asks for what its plan says, in a way that a hand-over may find it in the middle of; every byte of each
 * answer is compared.
 */
import { Memory } from '../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import type { SimHost } from './host.js';

export interface AskerPlan {
  /** Asked for one after the other; all at once when `pipelined`. */
  readonly paths: readonly string[];
  readonly pipelined: boolean;
  /** ms between an answer and the next request, and between the slices of a request. */
  readonly think: number;
  /** The last request says `Connection: close`. */
  readonly close: boolean;
  /** Slices that a request is sent in. */
  readonly slices: number;
  /** Bytes of content that each request brings. */
  readonly content: number;
  /** ms that it stops reading after every 50,000 bytes; 0: it reads all the time. */
  readonly pause: number;
}

export class Asker implements FlowHandler {
  /** The first thing that was wrong. */
  problem: string | undefined;
  answers = 0;
  /** The longest silence while something was due, ms. */
  longest = 0;
  reason: CloseReason | undefined;
  /** An answer said that it was the connection's last, before everything was asked for. */
  sentAway = false;
  private flow: Flow | undefined;
  private asked = 0;
  private head = '';
  /** Bytes of content still to come; -1: the head is not whole. */
  private left = -1;
  private candidates: readonly Uint8Array[] = [];
  /** The answer at hand is the connection's last. */
  private last = false;
  private sinceRead = 0;
  private heardAt = 0;
  private ended_ = false;

  /** `bodies`: what may come for a path, one of them whole. */
  constructor(
    private readonly host: SimHost,
    private readonly plan: AskerPlan,
    private readonly bodies: (path: string) => readonly Uint8Array[],
  ) {}

  get done(): boolean {
    return this.reason !== undefined;
  }

  /** It got all that it asked for, and the connection ended in peace. */
  get content(): boolean {
    const all = this.answers === this.plan.paths.length || this.sentAway;
    return this.problem === undefined && all && this.reason === 'finished';
  }

  begin(flow: Flow): void {
    this.flow = flow;
    this.heardAt = this.host.clock.now();
    if (this.plan.pipelined) while (this.asked < this.plan.paths.length) this.ask();
    else this.ask();
  }

  private ask(): void {
    const { paths, close, content, slices, think } = this.plan;
    const last = this.asked === paths.length - 1;
    const head =
      `GET ${paths[this.asked++]} HTTP/1.1\r\nHost: sim\r\n` +
      `${last && close ? 'Connection: close\r\n' : ''}${content > 0 ? `Content-Length: ${content}\r\n` : ''}\r\n`;
    const request = Memory.of(head + 'x'.repeat(content));
    const size = Math.ceil(request.bytes.length / slices);
    for (let i = 0; i < slices; i++) {
      const [from, to] = [i * size, Math.min((i + 1) * size, request.bytes.length)];
      if (i === 0) this.flow?.write(request, from, to);
      else this.later(i * think, () => this.flow?.write(request, from, to));
    }
  }

  private later(ms: number, what: () => void): void {
    this.host.clock.schedule(ms, () => {
      if (this.reason === undefined) what();
      // TLS seals what is written outside of its calls when it is told to.
      if (this.flow?.security !== undefined) this.flow.flush();
    });
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const now = this.host.clock.now();
    this.longest = Math.max(this.longest, now - this.heardAt);
    this.heardAt = now;
    this.sinceRead += end - start;
    if (this.plan.pause > 0 && this.sinceRead > 50_000) {
      this.sinceRead = 0;
      flow.pause();
      this.later(this.plan.pause, () => {
        this.heardAt = this.host.clock.now();
        flow.resume();
      });
    }
    let at = start;
    while (at < end && this.problem === undefined) {
      at = this.left < 0 ? this.readHead(bytes, at, end) : this.readBody(bytes, at, end);
      if (this.left === 0) this.answered(flow);
    }
  }

  private readHead(bytes: Uint8Array, start: number, end: number): number {
    const before = this.head.length;
    this.head += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const blank = this.head.indexOf('\r\n\r\n');
    if (blank < 0) return end;
    this.left = Number(/^content-length: *(\d+)/im.exec(this.head)?.[1] ?? Number.NaN);
    const path = this.plan.paths[this.answers];
    if (path === undefined) this.problem = 'more came than was asked for';
    else this.candidates = this.bodies(path).filter((one) => one.length === this.left);
    this.last = /^connection: close/im.test(this.head.slice(0, blank));
    return start + blank + 4 - before;
  }

  private readBody(bytes: Uint8Array, start: number, end: number): number {
    const stop = Math.min(end, start + this.left);
    const got = bytes.subarray(start, stop);
    const right = (one: Uint8Array): boolean => {
      const at = one.length - this.left;
      return Buffer.compare(one.subarray(at, at + got.length), got) === 0;
    };
    this.candidates = this.candidates.filter(right);
    if (this.candidates.length === 0) this.problem = `${this.plan.paths[this.answers]}: bytes of something else`;
    this.left -= got.length;
    return stop;
  }

  private answered(flow: Flow): void {
    this.left = -1;
    this.head = '';
    this.answers += 1;
    if (this.answers === this.plan.paths.length) {
      // Who asked for the end waits for it.
      if (!this.plan.close) flow.end();
    } else if (this.last) {
      // Asked to come anew, between two answers: with a request on its way that would be too much to ask.
      if (this.plan.pipelined) this.problem = 'the server wants the connection ended';
      else this.sentAway = true;
    } else if (!this.plan.pipelined) {
      this.later(this.plan.think, () => {
        this.heardAt = this.host.clock.now();
        this.ask();
      });
    }
  }

  ended(flow: Flow): void {
    this.ended_ = true;
    if (this.answers < this.plan.paths.length && !this.sentAway) this.problem ??= `ended after ${this.answers} answers`;
    flow.end();
  }

  drained(): void {}

  closed(_flow: Flow, reason: CloseReason): void {
    this.reason = reason;
    if (reason !== 'finished' && !this.ended_) this.problem ??= `${reason} after ${this.answers} answers`;
  }
}
