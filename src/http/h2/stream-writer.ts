import type { Endpoint, Flow } from '../../net/flow.js';
import type { Content, Extent } from '../../store/store.js';
import type { AnswerWriter } from '../answer/answer-writer.js';
import type { Tails } from '../answer/tails.js';
import type { CallClock } from '../contracts/call-clock.js';
import { HpackEncoder } from '../hpack/encoder.js';
import { latin1 } from '../parse/octets.js';
import type { Stream } from './stream.js';

const SLOTS = 512;
const encoder = new TextEncoder();

/**
 * Writes answers in the form of HTTP/2, into the stream that is set: field blocks, each made once from its head, and
 * content by reference. One for all connections.
 */
export class StreamWriter implements AnswerWriter {
  readonly #clock: CallClock;
  readonly #tails: Tails;
  readonly #hpack = new HpackEncoder();
  /** The blocks of heads, for as long as the heads are in memory; without the lines that change with time. */
  readonly #blocks = new WeakMap<Extent, Uint8Array>();
  /** Whole blocks of this second, by their heads. */
  readonly #heads: (Extent | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #whole: (Uint8Array | undefined)[] = new Array(SLOTS).fill(undefined);
  #second = Number.NaN;
  /** The block of the lines that every head ends with. */
  #tail: Uint8Array = new Uint8Array(0);
  readonly #secure: Tails;
  /** The current answer is for a client that came to a proxy over HTTPS. */
  #isSecured = false;
  /** The parts of the head so far. */
  #parts: Uint8Array[] = [];
  flow!: Flow;
  /** Where the next answer goes. */
  stream!: Stream;

  constructor(tails: Tails, clock: CallClock, secure = tails) {
    this.#tails = tails;
    this.#secure = secure;
    this.#clock = clock;
  }

  get remote(): Endpoint {
    return this.flow.remote;
  }

  secured(yes: boolean): void {
    this.#isSecured = yes && this.#secure !== this.#tails;
  }

  interim(head: Extent): void {
    this.stream.blocks.push(this.#block(head));
  }

  whole(head: Extent, body: Content | undefined): void {
    this.#refresh();
    if (this.#isSecured) {
      this.head(head);
      this.end();
      if (body !== undefined && body.end > body.start) this.#piece(body);
      return;
    }
    const slot = (head.start >>> 3) & (SLOTS - 1);
    let block = this.#heads[slot] === head ? this.#whole[slot] : undefined;
    if (block === undefined) {
      block = joined([this.#block(head), this.#tail]);
      this.#heads[slot] = head;
      this.#whole[slot] = block;
    }
    this.stream.blocks.push(block);
    if (body !== undefined && body.end > body.start) this.#piece(body);
  }

  head(head: Extent): void {
    this.#parts = [this.#block(head)];
  }

  text(lines: string): void {
    this.#parts.push(this.#hpack.lines(octets(lines)));
  }

  end(): void {
    this.#refresh();
    this.#parts.push(this.#isSecured ? this.#secureTail() : this.#tail);
    this.#isSecured = false;
    this.stream.blocks.push(joined(this.#parts));
    this.#parts = [];
  }

  content(piece: Content): void {
    this.#piece(piece);
  }

  #piece(piece: Content): void {
    this.stream.pieces.push(piece);
    this.stream.left += piece.end - piece.start;
  }

  #block(head: Extent): Uint8Array {
    let block = this.#blocks.get(head);
    if (block === undefined) {
      block = this.#hpack.head(latin1(head.memory.bytes, head.start, head.end));
      this.#blocks.set(head, block);
    }
    return block;
  }

  #secureTail(): Uint8Array {
    this.#secure.at(this.#clock);
    return this.#hpack.lines(this.#secure.lines);
  }

  /** A new second has a new date. A head that stayed here would also keep its whole bundle in memory. */
  #refresh(): void {
    const second = this.#tails.at(this.#clock);
    if (second === this.#second) return;
    this.#second = second;
    this.#heads.fill(undefined);
    this.#whole.fill(undefined);
    this.#tail = this.#hpack.lines(this.#tails.lines);
  }
}

/** UTF-8, as characters of one octet each. */
function octets(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is looked for
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const bytes = encoder.encode(text);
  return latin1(bytes, 0, bytes.length);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
