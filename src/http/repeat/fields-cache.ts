import type { HttpLimits } from '../contracts/limits.js';
import { Fields } from '../parse/fields.js';
import { type Seen, SeenBlocks } from './seen-blocks.js';

/**
 * A client sends the same fields in each of its requests, and browsers of a kind send the same fields for a page's
 * parts. Comparing field lines with earlier ones costs a tenth of parsing them. Holds the fields of HTTP/1.1 requests
 * without content.
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
   * The block at the beginning of `bytes[start..end)`, if it is that of `slot`, or if it is all of these bytes and was
   * seen before; else undefined.
   */
  match(slot: number, bytes: Uint8Array, start: number, end: number): Seen<Fields> | undefined {
    return this.#blocks.match(slot, bytes, start, end);
  }

  /**
   * Records a block that was parsed and is valid. Returns its slot, or the slot that it may get when it comes again.
   */
  note(bytes: Uint8Array, start: number, end: number): number {
    return this.#blocks.note(bytes, start, end, this.#parse);
  }
}
