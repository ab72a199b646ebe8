import type { Representation, Store } from '../../store/store.js';
import { type Seen, SeenBlocks } from './seen-blocks.js';

/** The answer to a request. */
export interface Answered {
  /** The store of all answers; undefined: the store depends on more than the request's bytes. */
  readonly source: Store | undefined;
  /** The last answer, if it depends only on the bytes of its request and on `source`; else undefined. */
  readonly repeatable: Representation | undefined;
}

/**
 * Complete earlier requests, and their answers. Many clients of a kind request the same pages, and comparing a head
 * with an earlier one costs a quarter of parsing it and looking the page up. Forgets everything when another store is
 * served.
 */
export class KnownRequests {
  readonly #blocks = new SeenBlocks<Representation>();
  #source: Store | undefined = undefined;

  /**
   * The request at the beginning of `bytes[start..end)`, if it is that of `slot`, or if it is all of these bytes and
   * came before; else undefined.
   */
  match(
    slot: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    { source }: Answered,
  ): Seen<Representation> | undefined {
    if (source !== this.#source) this.#change(source);
    return source === undefined ? undefined : this.#blocks.match(slot, bytes, start, end);
  }

  /** Records a request that has just been answered; returns its slot. */
  note(bytes: Uint8Array, start: number, end: number, { source, repeatable }: Answered): number {
    if (source !== this.#source) this.#change(source);
    return source === undefined ? 0 : this.#blocks.note(bytes, start, end, () => repeatable!);
  }

  /** An entry that refers to a store would keep all of the store in memory. */
  #change(source: Store | undefined): void {
    this.#source = source;
    this.#blocks.clear();
  }
}
