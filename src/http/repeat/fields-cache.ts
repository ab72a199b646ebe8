import type { HttpLimits } from '../contracts/limits.js';
import { Fields } from '../parse/fields.js';
import { type Seen, SeenBlocks } from './seen-blocks.js';

/**
 * A client says the same of itself in each of its requests, and browsers of a kind say the same of a page's parts.
 * Comparing field lines with those that came before costs a tenth of parsing them. Holds blocks without content, in
 * HTTP/1.1.
 */
export class FieldsCache {
  readonly #blocks = new SeenBlocks<Fields>();
  readonly #parse: (copy: Uint8Array) => Fields;

  constructor(limits: HttpLimits) {
    this.#parse = (copy) => {
      const fields = new Fields();
      fields.parse(copy, 0, copy.length, 0, limits);
      fields.judge(1);
      return fields;
    };
  }

  /**
   * The block that `bytes[start..end)` begins with, if it is that of `slot`, or if it is all there is and was seen
   * before; else undefined.
   */
  match(slot: number, bytes: Uint8Array, start: number, end: number): Seen<Fields> | undefined {
    return this.#blocks.match(slot, bytes, start, end);
  }

  /** Takes note of a block that was parsed and found good; the slot where it is, or may be when it comes again. */
  note(bytes: Uint8Array, start: number, end: number): number {
    return this.#blocks.note(bytes, start, end, this.#parse);
  }
}
