import type { Connection, Unfinished } from '../connection/connection.js';
import { DynamicTable } from '../hpack/dynamic-table.js';
import { Budgets } from './budgets.js';
import { FIRST_WINDOW, MAX_WINDOW } from './frames.js';
import type { Stream } from './stream.js';

/** The stage of a connection on the way to its end (RFC 9113 6.8). */
export const LEAVING = { no: 0, announced: 1, said: 2 } as const;
type Leaving = (typeof LEAVING)[keyof typeof LEAVING];

/** Streams whose RST_STREAM is remembered, for frames that come after it (RFC 9113 5.1). */
const REMEMBERED = 128;
/** Streams to come whose priority is remembered (RFC 9218 7.1). */
const PRIORITIES = 100;
/** Gaps in the numbers of streams that are remembered (RFC 9113 5.1.1). */
const GAPS = 8;

/** Streams that are over, by number; gaps are two numbers each. And priorities of streams to come, two numbers each. */
export interface Memories {
  readonly resetByUs: readonly number[];
  readonly resetByPeer: readonly number[];
  readonly gaps: readonly number[];
  /** Undefined from a program that predates this field. */
  readonly priorities?: readonly number[];
}

/** Everything that HTTP/2 remembers of a connection. */
export class Session {
  readonly c: Connection;
  readonly table = new DynamicTable();
  readonly budgets = new Budgets();
  /** Octets of the client's preface that have come (RFC 9113 3.4), and whether its SETTINGS have. */
  preface = 0;
  greeted = false;
  /** Our SETTINGS are sent. */
  welcomed = false;
  /** The highest number of a stream that the peer has begun. */
  lastStream = 0;
  /** Streams that are not over, in the order of their numbers. */
  readonly streams: Stream[] = [];
  /** The number of these whose content is awaited. */
  receiving = 0;
  /** Octets of content and padding that were not yet given back to the peer as window. */
  unreturned = 0;
  /** Octets that we may send; and on a new stream. */
  window = FIRST_WINDOW;
  firstWindow = FIRST_WINDOW;
  /**
   * The peer has made its decoder's table smaller than the initial size: an update has to announce that we use none
   * (RFC 9113 4.3.1).
   */
  saysTableSize = false;
  tableSaid = false;
  /** Octets left of a DATA frame's payload, whose stream is `dataStream`, and whether the stream ends with it. */
  dataLeft = 0;
  dataStream = 0;
  dataEnds = false;
  /** A field block that goes on in CONTINUATION: its octets, frames and stream. */
  #block: Uint8Array | undefined = undefined;
  blockLength = 0;
  blockFrames = 0;
  blockStream = 0;
  blockEnds = false;
  leaving: Leaving = LEAVING.no;
  /** When it was announced, in ticks of `Deadlines`. */
  leavingSince = 0;
  /** The last stream that is answered. */
  lastAnswered = MAX_WINDOW;
  /** Answers to control frames since the peer had last taken everything. */
  controls = 0;
  /** Bytes of answers that were copied, and may still be queued. */
  copied = 0;
  /** Bytes that wait in `streams` and were made for them alone. */
  ownBytes = 0;
  /** Bytes read from the disk that `streams` hold. */
  diskBytes = 0;
  /** Streams are under way; when progress was last seen, and how much the peer had taken then. */
  busy = false;
  movedAt = 0;
  takenMark = 0;
  /** Octets that were written. */
  written = 0;
  /** The incremental stream that had its turn last. */
  turn = 0;
  /** GOAWAY with an error was sent: nothing more is read. */
  over = false;
  /** Priorities of streams that are yet to come (RFC 9218 7.1): number, and urgency * 2 + incremental. */
  #priorities: number[] | undefined = undefined;
  #resetByUs: number[] | undefined = undefined;
  #resetByPeer: number[] | undefined = undefined;
  /** First and last numbers that were passed over, two a gap. */
  #gaps: number[] | undefined = undefined;

  readonly #unfinished: Unfinished;

  constructor(c: Connection, unfinished: Unfinished) {
    this.c = c;
    this.#unfinished = unfinished;
  }

  get block(): Uint8Array | undefined {
    return this.#block;
  }

  set block(block: Uint8Array | undefined) {
    this.#unfinished.bytes += (block?.length ?? 0) - (this.#block?.length ?? 0);
    this.#block = block;
  }

  /** Nothing waits: no answer, no content, no rest of a frame or field block. */
  get quiet(): boolean {
    return this.streams.length === 0 && !this.unfinished && this.leaving === LEAVING.no;
  }

  /** A preface, a frame or a field block has begun and is not whole. */
  get unfinished(): boolean {
    return !this.greeted || this.#block !== undefined || this.dataLeft > 0 || this.c.heldBytes > 0;
  }

  /** The stream, if it is not over. */
  find(id: number): Stream | undefined {
    const { streams } = this;
    let low = 0;
    let high = streams.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const stream = streams[middle]!;
      if (stream.id === id) return stream;
      if (stream.id < id) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  remove(stream: Stream): void {
    this.ownBytes -= stream.ownBytes;
    stream.ownBytes = 0;
    if (stream.receives) this.receiving--;
    const at = this.streams.indexOf(stream);
    if (at >= 0) this.streams.splice(at, 1);
  }

  /** Records a new stream's number: the numbers between it and the last one are closed (RFC 9113 5.1.1). */
  begin(id: number): void {
    if (id > this.lastStream + 2 && this.lastStream + 1 < id - 1) {
      this.#gaps ??= [];
      this.#gaps.push(this.lastStream + 1, id - 1);
      if (this.#gaps.length > GAPS * 2) this.#gaps.splice(0, 2);
    }
    this.lastStream = id;
  }

  /** Whether the number was passed over. */
  passedOver(id: number): boolean {
    const gaps = this.#gaps ?? [];
    for (let i = 0; i < gaps.length; i += 2) if (id >= gaps[i]! && id <= gaps[i + 1]!) return true;
    return false;
  }

  /** The priority of a stream that is yet to come. Of many, the last ones are kept. */
  prioritise(id: number, urgency: number, incremental: boolean): void {
    this.takePriority(id);
    this.#priorities ??= [];
    this.#priorities.push(id, urgency * 2 + (incremental ? 1 : 0));
    if (this.#priorities.length > PRIORITIES * 2) this.#priorities.splice(0, 2);
  }

  /** The recorded priority of the stream, as urgency * 2 + incremental; -1: none. */
  takePriority(id: number): number {
    const list = this.#priorities;
    if (list === undefined) return -1;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== id) continue;
      const priority = list[i + 1]!;
      list.splice(i, 2);
      if (list.length === 0) this.#priorities = undefined;
      return priority;
    }
    return -1;
  }

  /** The record of streams that are over. */
  get memories(): Memories {
    return {
      resetByUs: this.#resetByUs ?? [],
      resetByPeer: this.#resetByPeer ?? [],
      gaps: this.#gaps ?? [],
      priorities: this.#priorities ?? [],
    };
  }

  remember({ resetByUs, resetByPeer, gaps, priorities = [] }: Memories): void {
    if (resetByUs.length > 0) this.#resetByUs = resetByUs.slice(-REMEMBERED);
    if (resetByPeer.length > 0) this.#resetByPeer = resetByPeer.slice(-REMEMBERED);
    if (gaps.length > 0) this.#gaps = gaps.slice(-GAPS * 2);
    if (priorities.length > 0) this.#priorities = priorities.slice(-PRIORITIES * 2);
  }

  noteReset(id: number, byUs: boolean): void {
    const list = (byUs ? this.#resetByUs : this.#resetByPeer) ?? [];
    if (byUs) this.#resetByUs = list;
    else this.#resetByPeer = list;
    list.push(id);
    if (list.length > REMEMBERED) list.shift();
  }

  wasResetByUs(id: number): boolean {
    return this.#resetByUs?.includes(id) === true;
  }

  wasResetByPeer(id: number): boolean {
    return this.#resetByPeer?.includes(id) === true;
  }
}
