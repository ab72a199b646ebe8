import type { Fields } from './fields.js';
import type { RequestLine } from './request-line.js';

/** A request that parsed. `line` is about `bytes`; `fields` has bytes of its own. */
export interface Parsed {
  readonly bytes: Uint8Array;
  readonly line: RequestLine;
  readonly fields: Fields;
}
