/**
 * What leaves: plaintext waits by reference, and is sealed when there is room below.
 *
 * Where the flow below keeps nothing of what it is offered (the kernel's sockets), neither does this: a record is a
 * function of key, number and content, and made again until all of it has left. Elsewhere a peer that does not read
 * holds at most `TlsLimits.sealed` bytes of ciphertext, and what is in flight.
 */
import { Memory } from '../memory/memory.js';
import type { MemoryRange } from '../memory/pieces.js';
import type { Flow } from '../net/flow.js';
import type { SendQueue } from '../net/sockets/libc/send-queue.js';
import { type CipherSuite, TAG_LENGTH } from './common/suites.js';
import { Direction } from './direction.js';
import type { MovedWriter } from './moving/moved-flow.js';
import type { Target } from './primitives/primitives.js';
import type { Endpoint } from './record/endpoint.js';
import type { OutboxUser, OwnChunk } from './record/outbox.js';
import { RecordSizes } from './record/sizes.js';
import { CONTENT, MOST_CONTENT, RECORD_HEADER } from './wire/numbers.js';
import { writeKeyUpdate } from './wire/server-flight.js';

/** `lowWater` of a flow below that need not call when it has drained. */
const UNWATCHED = 0x7fffffff;
/** Records that are sealed before any of them is offered, at most. */
const MOST_AT_ONCE = 7;
/** Content of this size is encrypted where it lies; a copy of less costs less than one more call of OpenSSL. */
const READ_FROM = 2048;
/** Bytes that a record is longer than its content. */
const OVERHEAD = RECORD_HEADER + 1 + TAG_LENGTH;

/** A flow that keeps nothing of what it is offered. */
type Offering = Flow & Required<Pick<Flow, 'offer'>>;

export class RecordWriter implements OutboxUser {
  readonly inner: Flow;
  readonly #endpoint: Endpoint;
  /** Bytes that were handed down out of the outbox. */
  handed = 0;
  places = 0;
  own: OwnChunk | undefined = undefined;
  #writing: Direction | undefined = undefined;
  #queue: SendQueue | undefined = undefined;
  readonly #sizes = new RecordSizes();
  /** Bytes of the record with the next number that have left, and the length of its content; 0: none. */
  #left = 0;
  #begun = 0;
  /**
   * Records that are sealed before any of them is offered: one if the flow did not take all of the last, then twice
   * as many each time, so that little is sealed in vain.
   */
  #atOnce = MOST_AT_ONCE;

  constructor(inner: Flow, endpoint: Endpoint) {
    this.inner = inner;
    this.#endpoint = endpoint;
    inner.lowWater = UNWATCHED;
  }

  /** Bytes of plaintext that wait. */
  get bytes(): number {
    return this.#queue === undefined ? 0 : this.#queue.bytes;
  }

  /** There is a key: what is sent is protected. */
  get secure(): boolean {
    return this.#writing !== undefined;
  }

  /** Seals under this secret's key from now on. */
  use(suite: CipherSuite, secret: Uint8Array): void {
    this.#writing?.destroy();
    this.#writing = new Direction(this.#endpoint, suite, secret);
  }

  write(memory: Memory, start: number, end: number): void {
    this.#queue ??= this.#endpoint.takeQueue();
    this.#queue.push(memory, start, end);
  }

  /** Seals what there is room for. */
  pump(): void {
    const queue = this.#queue;
    const inner = this.inner;
    if (queue === undefined || this.#writing === undefined) return;
    if (inner.offer !== undefined && (this.#left > 0 || inner.queued + queue.bytes > MOST_CONTENT))
      this.#offerAll(queue, this.#writing, inner as Offering);
    else while (queue.bytes > 0 && this.#room() > 0) this.#seal(queue, this.#writing);
    if (queue.bytes > 0) return;
    this.#endpoint.giveQueue(queue);
    this.#queue = undefined;
  }

  /** Changes the key; the peer is asked for the same if `request` (RFC 8446 4.6.3). */
  updateKey(request: boolean): void {
    this.send(CONTENT.handshake, writeKeyUpdate(request));
    this.#writing?.update();
  }

  sendChangeCipherSpec(): void {
    const { outbox } = this.#endpoint;
    const at = outbox.reserve(RECORD_HEADER + 1, this);
    outbox.target.bytes.set([CONTENT.changeCipherSpec, 3, 3, 0, 1, 1], at);
    this.#handDown(at, at + RECORD_HEADER + 1);
  }

  /** Seals what leaves at once. What has not left is sealed again when there is room for it. */
  #offerAll(queue: SendQueue, writing: Direction, inner: Offering): void {
    const { scratch, scratchMemory, clock } = this.#endpoint;
    for (;;) {
      // What was written before goes first: alerts, tickets, short answers.
      if (inner.queued > 0) inner.flush();
      if (inner.queued > 0 || queue.bytes === 0) return;
      if (writing.number >= writing.suite.records && this.#left === 0) {
        this.updateKey(true);
        continue;
      }
      const lengths: number[] = [];
      let [at, from] = [0, 0];
      while (
        from < queue.bytes &&
        lengths.length < this.#atOnce &&
        writing.number + lengths.length < writing.suite.records
      ) {
        const most = at === 0 && this.#begun > 0 ? this.#begun : this.#sizes.next(clock);
        const length = Math.min(queue.bytes - from, most);
        at = this.#record(scratch, at, from, length, lengths.length);
        from += length;
        lengths.push(length);
      }
      const start = this.#left;
      const sent = inner.offer(scratchMemory, start, at);
      this.#leave(queue, writing, lengths, start + sent);
      if (sent < at - start) {
        this.#atOnce = 1;
        return;
      }
      this.#atOnce = Math.min(MOST_AT_ONCE, 2 * this.#atOnce);
    }
  }

  /** The records whose contents have these `lengths` were offered, and `bytes` of them have left. */
  #leave(queue: SendQueue, writing: Direction, lengths: readonly number[], bytes: number): void {
    let left = bytes;
    this.#begun = 0;
    for (const length of lengths) {
      if (left < length + OVERHEAD) {
        // A record that has begun to leave is made again as it was.
        if (left > 0) this.#begun = length;
        break;
      }
      left -= length + OVERHEAD;
      queue.taken(length);
      writing.number += 1;
    }
    this.#left = left;
  }

  /** Queues the rest of a record that has begun to leave: something else is to be sent. */
  #settle(): void {
    const queue = this.#queue;
    const writing = this.#writing;
    if (this.#left === 0 || queue === undefined || writing === undefined) return;
    const target = this.#endpoint.primitives.target(this.#begun + OVERHEAD);
    const end = this.#record(target, 0, 0, this.#begun, 0);
    this.inner.write(new Memory(target.bytes), this.#left, end);
    this.#leave(queue, writing, [this.#begun], end);
  }

  /** Sealed bytes that may yet wait below, those in flight left out. */
  #room(): number {
    const { sealed } = this.#endpoint.limits;
    const { queued } = this.inner;
    return queued < sealed ? sealed - queued : sealed + (this.inner.info().bytesInFlight ?? 0) - queued;
  }

  #seal(queue: SendQueue, writing: Direction): void {
    if (writing.number >= writing.suite.records) this.updateKey(true);
    const { outbox, clock } = this.#endpoint;
    const length = Math.min(queue.bytes, this.#sizes.next(clock));
    const at = outbox.reserve(length + OVERHEAD, this);
    const end = this.#record(outbox.target, at, 0, length, 0);
    queue.taken(length);
    writing.number += 1;
    this.#handDown(at, end);
  }

  /** Makes the record `ahead` of the next, of `length` bytes from `skip` on; returns where it ends in `target`. */
  #record(target: Target, at: number, skip: number, length: number, ahead: number): number {
    const queue = this.#queue!;
    const { key, number } = this.#writing!;
    const source = length < READ_FROM ? undefined : queue.whole(skip, length);
    if (source !== undefined) return key.sealFrom(source, target, at, number + ahead);
    queue.copy(skip, target.bytes, at + RECORD_HEADER, length);
    return key.seal(target, at, length, CONTENT.applicationData, number + ahead);
  }

  /** Sends `content` before the plaintext that waits, behind what has begun to leave. */
  send(type: number, content: Uint8Array): void {
    this.#settle();
    const { outbox } = this.#endpoint;
    for (let from = 0; from < content.length; from += MOST_CONTENT) {
      const part = content.subarray(from, from + MOST_CONTENT);
      const at = outbox.reserve(part.length + OVERHEAD, this);
      const { bytes } = outbox.target;
      bytes.set(part, at + RECORD_HEADER);
      const writing = this.#writing;
      if (writing === undefined) {
        bytes.set([type, 3, 3, part.length >> 8, part.length & 255], at);
        this.#handDown(at, at + RECORD_HEADER + part.length);
      } else {
        const end = writing.key.seal(outbox.target, at, part.length, type, writing.number);
        writing.number += 1;
        this.#handDown(at, end);
      }
    }
  }

  #handDown(at: number, end: number): void {
    const { outbox } = this.#endpoint;
    this.handed += end - at;
    this.inner.write(outbox.memory, at, end);
    outbox.filled(end, this);
  }

  /** Has the flow below call when there is room again, or when what waits there has fallen to `low`. */
  watch(low = UNWATCHED): void {
    const inner = this.inner;
    const mark = this.#queue === undefined ? low : Math.max(0, inner.queued - (this.#endpoint.limits.sealed >> 1));
    if (inner.lowWater !== mark) inner.lowWater = mark;
  }

  /** The plaintext that waits. */
  *waiting(): IterableIterator<MemoryRange> {
    const queue = this.#queue;
    if (queue === undefined) return;
    for (let i = queue.head; i < queue.tail; i++)
      yield { memory: queue.memories[i]!, start: queue.starts[i]!, end: queue.ends[i]! };
  }

  /** Whether it is at a place from which another program could go on: over a flow that keeps what it sends. */
  get movable(): boolean {
    return this.#writing !== undefined && this.inner.offer === undefined;
  }

  /** What another program goes on with, beside what waits. Only where it is `movable`. */
  get moved(): MovedWriter & { readonly suite: number } {
    const writing = this.#writing!;
    return { suite: writing.suite.id, writing: writing.moved, sizes: this.#sizes.moved(this.#endpoint.clock) };
  }

  /** Goes on as in another program. The secret belongs to the writer from now on. */
  restore({ writing, sizes }: MovedWriter, suite: CipherSuite, queue: Iterable<MemoryRange>): void {
    this.#writing = new Direction(this.#endpoint, suite, writing.secret, writing.number);
    this.#sizes.restore(sizes, this.#endpoint.clock);
    for (const { memory, start, end } of queue) this.write(memory, start, end);
  }

  destroy(): void {
    this.#writing?.destroy();
    this.#writing = undefined;
    if (this.#queue !== undefined) this.#endpoint.giveQueue(this.#queue);
    this.#queue = undefined;
  }
}
