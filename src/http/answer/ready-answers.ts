import { Memory } from '../../memory/memory.js';
import type { Extent } from '../../store/store.js';
import { CLOSE, type Ending, type Tails, type WallClock } from './tails.js';

const SLOTS = 512;
/** Bytes; larger answers go out in their pieces. */
const LARGEST = 8192;

/**
 * Small answers that are asked for again and again, whole: head, date and body in one run of bytes with headroom before
 * it, good for one second. A device sends such a run with one plain write, its headers in the headroom. It is made at
 * the second request within a second: a less frequent answer is not worth a copy. There are SLOTS of them at most.
 */
export class ReadyAnswers {
  readonly #tails: Tails;
  /** The head of the answer in each slot, by identity. */
  readonly #heads: (Extent | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #memories: (Memory | undefined)[] = new Array(SLOTS).fill(undefined);
  /** The store that all of them come from. */
  #second = 0;

  constructor(tails: Tails) {
    this.#tails = tails;
  }

  /** The whole answer, or undefined: then it is to be written in pieces. */
  get(head: Extent, body: Extent | undefined, clock: WallClock, ending: Ending): Memory | undefined {
    const slot = ((head.start >>> 3) + (ending === CLOSE ? 1 : 0)) & (SLOTS - 1);
    const second = this.#tails.at(clock);
    if (second !== this.#second) this.#forget(second);
    if (this.#heads[slot] === head) return this.#memories[slot] ?? this.#make(slot, head, body, ending);
    this.#heads[slot] = head;
    this.#memories[slot] = undefined;
    return undefined;
  }

  /**
   * A new second has begun. A head that stayed here would keep its whole bundle in memory after the bundle is replaced.
   */
  #forget(second: number): void {
    this.#heads.fill(undefined);
    this.#memories.fill(undefined);
    this.#second = second;
  }

  #make(slot: number, head: Extent, body: Extent | undefined, ending: Ending): Memory | undefined {
    const tails = this.#tails;
    const [from, to] = [tails.start(ending), tails.end(ending)];
    const headLength = head.end - head.start;
    const bodyLength = body === undefined ? 0 : body.end - body.start;
    const length = headLength + to - from + bodyLength;
    if (length > LARGEST) return undefined;
    const memory = Memory.withHeadroom(length);
    const { bytes } = memory;
    bytes.set(head.memory.bytes.subarray(head.start, head.end), 0);
    bytes.set(tails.memory.bytes.subarray(from, to), headLength);
    if (body !== undefined) bytes.set(body.memory.bytes.subarray(body.start, body.end), headLength + to - from);
    this.#memories[slot] = memory;
    return memory;
  }
}
