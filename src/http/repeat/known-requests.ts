import type { Representation, Store } from '../../store/store.js';
import { type Seen, SeenBlocks } from './seen-blocks.js';

/** What a request was answered with. */
export interface Answered {
  /** Where all answers come from; undefined: it depends on more than the request's bytes. */
  readonly source: Store | undefined;
  /** The last answer, if all it depends on is the bytes of its request and `source`; else undefined. */
  readonly repeatable: Representation | undefined;
}

/**
 * Requests that came before, whole, and what they are answered with: many clients of a kind ask for the same pages, and
 * comparing a head with one that came before costs a quarter of reading it and looking the page up. Forgets everything
 * when another store is served.
 */
export class KnownRequests {
  readonly #blocks = new SeenBlocks<Representation>();
  #source: Store | undefined = undefined;

  /**
   * The request that `bytes[start..end)` begins with, if it is that of `slot`, or if it is all there is and came
   * before; else undefined.
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

  /** Takes note of a request that has just been answered; its slot. */
  note(bytes: Uint8Array, start: number, end: number, { source, repeatable }: Answered): number {
    if (source !== this.#source) this.#change(source);
    return source === undefined ? 0 : this.#blocks.note(bytes, start, end, () => repeatable!);
  }

  /** What is kept of a store would keep all of it in memory. */
  #change(source: Store | undefined): void {
    this.#source = source;
    this.#blocks.clear();
  }
}
