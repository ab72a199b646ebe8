import type { Blob } from '../site/site.js';
import type { Compressed } from './codings.js';

/** A content that is to be compressed. */
export interface Task {
  readonly blob: Blob;
  readonly coding: Compressed;
}
