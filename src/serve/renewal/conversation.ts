/**
 * One end of a conversation between two processes: lines of JSON over a stream. A line that is no message is dropped: a
 * process may have been killed in the middle of one.
 */
import type { Duplex } from 'node:stream';
import { LineReader } from '../../control/lines.js';
import { parseJson } from '../../errors/parse-json.js';
import { UserError } from '../../errors/user-error.js';

/** Questions that may be open at one time. */
const MOST_OPEN = 64;
/** Characters of a line: a certificate's chain and key are some thousand. */
const LONGEST = 2_097_152;

interface Asked {
  readonly done: (value: unknown) => void;
  readonly failed: (error: UserError) => void;
}

export interface Hearing {
  /** What it returns is the answer, where the message asks for one; a `UserError` is one as well. */
  readonly heard: (message: Readonly<Record<string, unknown>>) => unknown;
  /** The other end is gone. Called once. */
  readonly closed: () => void;
  /** Gets what is thrown in dealing with a message, and is a mistake of ours. */
  readonly faulted: (error: unknown) => void;
}

export class Conversation<Said extends object> {
  private readonly open = new Map<string, Asked>();
  private last = 0;
  private over = false;

  constructor(
    private readonly stream: Duplex,
    private readonly hearing: Hearing,
  ) {
    const lines = new LineReader((text) => this.line(text), LONGEST);
    stream.on('data', (chunk: Buffer) => {
      if (!lines.take(chunk)) this.close();
    });
    stream.on('error', () => this.close());
    stream.on('close', () => this.close());
    stream.on('end', () => this.close());
  }

  say(message: Said): void {
    if (!this.over) this.stream.write(`${JSON.stringify(message)}\n`);
  }

  /** Resolves with what the other end answers, which is to be looked at. Rejects with a `UserError`. */
  ask(message: Said): Promise<unknown> {
    if (this.over || this.open.size >= MOST_OPEN) return Promise.reject(new UserError('nobody answers'));
    // No number of a process that was killed comes again.
    const ask = `${process.pid}-${++this.last}`;
    return new Promise((done, failed) => {
      this.open.set(ask, { done, failed });
      this.stream.write(`${JSON.stringify({ ...message, ask })}\n`);
    });
  }

  /** What was asked before now gets no answer. */
  forget(why: string): void {
    const all = [...this.open.values()];
    this.open.clear();
    for (const { failed } of all) failed(new UserError(why));
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.stream.destroy();
    this.forget('the other process has ended');
    this.hearing.closed();
  }

  private line(text: string): void {
    const said = parseJson(text);
    if (typeof said !== 'object' || said === null || Array.isArray(said)) return;
    const { re, ask, ...message } = said as Record<string, unknown>;
    if (typeof re === 'string') this.answered(re, message);
    else this.hear(message, typeof ask === 'string' ? ask : undefined).catch(this.hearing.faulted);
  }

  private answered(re: string, { value, failure }: Record<string, unknown>): void {
    const asked = this.open.get(re);
    this.open.delete(re);
    if (typeof failure === 'string') asked?.failed(new UserError(failure));
    else asked?.done(value);
  }

  private async hear(message: Record<string, unknown>, re: string | undefined): Promise<void> {
    let answer: object;
    try {
      answer = { value: await this.hearing.heard(message) };
    } catch (error) {
      if (re === undefined) throw error;
      // Errors of a network have codes of many kinds; who asked decides by what it asked for.
      answer = { failure: error instanceof Error ? error.message : String(error) };
    }
    if (re !== undefined && !this.over) this.stream.write(`${JSON.stringify({ re, ...answer })}\n`);
  }
}
