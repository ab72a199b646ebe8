import type { Flow } from '../../net/flow.js';
import { UNWATCHED } from '../connection/connection.js';
import type { HttpLimits } from '../contracts/limits.js';
import type { Batch } from './batch.js';
import { BUDGET } from './budgets.js';
import { DiskContent } from './disk-content.js';
import type { Faults } from './faults.js';
import { ERROR, FLAG, FRAME, FRAME_HEADER, MAX_FRAME } from './frames.js';
import { LOWEST_URGENCY } from './priority.js';
import type { Session } from './session.js';
import type { Stream } from './stream.js';

/** Octets of content in one frame: with its header they fill a record of TLS. */
const MOST_DATA = 16375;
/** Shorter pieces of content are copied between the frame headers. */
const COPIED = 4096;
/** Bytes of copies under way beyond a connection's own share: for one connection, and for all together. */
const COPIES_OF_ONE = 131072;
const COPIES_OF_ALL = 67108864;
/** The most that is queued on one connection, however much its path carries. */
const MOST_QUEUED = 16777216;

/**
 * Chooses the answer that goes on, and frames it. Urgency comes first (RFC 9218 4.1). Of equal urgency, answers that
 * are not incremental go one after the other, then the incremental ones in turn. Waiting content is held by reference;
 * frames are made when there is room for them.
 */
export class Sender {
  readonly #limits: HttpLimits;
  readonly #batch: Batch;
  readonly #faults: Faults;
  readonly #read: (session: Session, stream: Stream, there: boolean) => void;
  /** Copies under way beyond what each connection may have. */
  #copies = 0;
  #room = 0;

  /** `read` is called when content of a stream was read from the disk; `there` is false if the read failed. */
  constructor(
    limits: HttpLimits,
    batch: Batch,
    faults: Faults,
    read: (session: Session, stream: Stream, there: boolean) => void,
  ) {
    this.#read = read;
    this.#limits = limits;
    this.#batch = batch;
    this.#faults = faults;
  }

  /** Fills the batch, which is open for the connection's flow, with what may be sent now. */
  send(session: Session): void {
    const { flow } = session.c;
    const { streams } = session;
    const { queued } = flow;
    if (queued === 0) this.settle(session);
    if (streams.length === 0) return;
    this.#room = this.#limits.queued - queued;
    if (this.#room <= 0) this.#room = roomOf(flow) - queued;
    let urgencies = 0;
    for (let i = 0; i < streams.length; i++)
      if (streams[i]!.ready(session.window)) urgencies |= 1 << streams[i]!.urgency;
    for (let urgency = 0; urgencies >>> urgency !== 0 && this.#room > 0; urgency++) {
      if ((urgencies & (1 << urgency)) !== 0) this.#level(session, urgency);
    }
    this.#sweep(session);
    if (this.#room > 0 && session.window > 0) this.#fetch(session);
  }

  /**
   * Starts reads from the disk for the most urgent streams that can send nothing else: all incremental ones, and the
   * first that is not. No more is read than both windows allow, so that it can be sent as soon as the flow has room.
   */
  #fetch(session: Session): void {
    let most = LOWEST_URGENCY + 1;
    for (const stream of session.streams) {
      if (!fromDisk(stream)) continue;
      if (stream.window <= 0) stream.disk?.drop();
      else most = Math.min(most, stream.urgency);
    }
    let first = true;
    for (const stream of session.streams) {
      if (stream.urgency !== most || stream.window <= 0 || !fromDisk(stream)) continue;
      if (!stream.incremental && !first) continue;
      if (!stream.incremental) first = false;
      stream.disk ??= new DiskContent(session);
      const { start, end, source } = stream.pieces[stream.piece]!;
      const at = start + stream.sent;
      const to = Math.min(end, at + stream.window, at + session.window - session.diskBytes);
      stream.disk.read(source!, at, to, (there) => this.#read(session, stream, there));
    }
  }

  /** All that was written to the flow has left: no copy is under way any more. */
  settle(session: Session): void {
    this.#copies -= Math.max(0, session.copied - this.#limits.own);
    session.copied = 0;
    session.controls = 0;
  }

  /**
   * Records what the batch holds for the session, before it leaves, and asks the flow to report when there is room
   * again.
   */
  watch(session: Session): void {
    const { flow } = session.c;
    const before = Math.max(0, session.copied - this.#limits.own);
    session.written += this.#batch.octets;
    session.copied += this.#batch.copied;
    const beyond = Math.max(0, session.copied - this.#limits.own);
    this.#copies += beyond - before;
    if (session.streams.length > 0 && this.#room <= 0) flow.lowWater = Math.max(this.#limits.queued, flow.queued) >> 1;
    else flow.lowWater = beyond > 0 ? 0 : UNWATCHED;
  }

  /** The answers of one urgency. */
  #level(session: Session, urgency: number): void {
    const { streams } = session;
    let sharing = 0;
    for (let i = 0; i < streams.length && this.#room > 0; i++) {
      const stream = streams[i]!;
      if (stream.urgency !== urgency) continue;
      if (stream.incremental) sharing++;
      else while (this.#room > 0 && this.#frame(session, stream)) {}
    }
    if (sharing === 0) return;
    // In turn, beginning after the stream that was last: one frame each.
    let first = 0;
    while (first < streams.length && streams[first]!.id <= session.turn) first++;
    for (let more = true; more && this.#room > 0; ) {
      more = false;
      for (let i = 0; i < streams.length && this.#room > 0; i++) {
        const stream = streams[(first + i) % streams.length]!;
        if (stream.urgency !== urgency || !stream.incremental || !this.#frame(session, stream)) continue;
        session.turn = stream.id;
        more = true;
      }
    }
  }

  /** Sends field blocks that wait, or else a frame of content. False: the stream can send nothing now. */
  #frame(session: Session, stream: Stream): boolean {
    if (stream.blocks.length > 0) {
      this.#blocks(session, stream);
      return true;
    }
    if (stream.left === 0) return false;
    const next = stream.next;
    if (next === undefined) return false;
    const { memory, start } = next;
    const length = Math.min(next.end - start, MOST_DATA, stream.window, session.window);
    if (length <= 0) return false;
    stream.took(length);
    session.window -= length;
    const batch = this.#batch;
    batch.header(length, FRAME.data, stream.left === 0 ? FLAG.endStream : 0, stream.id);
    if (length <= COPIED && this.#mayCopy(session, length)) batch.put(memory.bytes, start, start + length);
    else batch.refer(memory, start, start + length);
    this.#room -= FRAME_HEADER + length;
    return true;
  }

  #mayCopy(session: Session, length: number): boolean {
    const copied = session.copied + this.#batch.copied + length;
    return copied <= this.#limits.own || (copied <= COPIES_OF_ONE && this.#copies < COPIES_OF_ALL);
  }

  #blocks(session: Session, stream: Stream): void {
    const { blocks } = stream;
    const last = blocks.length - 1;
    for (let i = 0; i <= last; i++) {
      const ends = i === last && stream.answered && stream.left === 0;
      this.#block(session, stream.id, blocks[i]!, ends);
    }
    stream.blocks = [];
  }

  /** HEADERS, and CONTINUATION where one frame is too short (RFC 9113 6.2, 6.10). */
  #block(session: Session, id: number, block: Uint8Array, ends: boolean): void {
    const batch = this.#batch;
    // RFC 9113 4.3.1, RFC 7541 6.3: from now on the table has no room.
    const resize = session.saysTableSize ? 1 : 0;
    session.saysTableSize = false;
    let at = Math.min(block.length, MAX_FRAME - resize);
    const flags = (ends ? FLAG.endStream : 0) | (at === block.length ? FLAG.endHeaders : 0);
    batch.header(at + resize, FRAME.headers, flags, id);
    if (resize > 0) batch.bytes[batch.reserve(1)] = 0x20;
    batch.put(block, 0, at);
    this.#room -= FRAME_HEADER + block.length;
    while (at < block.length) {
      const end = Math.min(block.length, at + MAX_FRAME);
      batch.header(end - at, FRAME.continuation, end === block.length ? FLAG.endHeaders : 0, id);
      batch.put(block, at, end);
      at = end;
    }
  }

  /** Takes out the streams whose answers are sent. */
  #sweep(session: Session): void {
    const { streams } = session;
    let kept = 0;
    let resets = 0;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      if (!stream.answered || stream.left > 0 || stream.blocks.length > 0) {
        streams[kept++] = stream;
        continue;
      }
      session.ownBytes -= stream.ownBytes;
      if (!stream.receives) continue;
      // RFC 9113 8.1: the request is answered, and the rest of its content is not wanted.
      session.receiving--;
      session.noteReset(stream.id, true);
      this.#batch.word(FRAME.rstStream, stream.id, ERROR.noError);
      resets++;
    }
    streams.length = kept;
    for (; resets > 0; resets--) this.#faults.spend(session, BUDGET.resets);
  }
}

/** Whether the next content of the stream is on the disk. */
function fromDisk(stream: Stream): boolean {
  return stream.left > 0 && stream.pieces[stream.piece]!.source !== undefined;
}

/** The bytes that may be queued on a flow whose path carries more than others do: two congestion windows. */
function roomOf(flow: Flow): number {
  return Math.min(MOST_QUEUED, 2 * (flow.info().cwnd ?? 0));
}
