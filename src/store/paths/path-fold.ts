import { foldPath } from './location.js';

const LONGEST = 1024;
/** A name may begin with U+FEFF, which is not a byte order mark there. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** The folded form of a path, in a reused buffer: no allocation for ASCII. */
export class PathFold {
  readonly bytes = new Uint8Array(LONGEST * 3);
  length = 0;

  /** Folds `bytes[start..end)`; false when the result is the same path, or longer than the limit of names. */
  set(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > LONGEST) return false;
    let changed = false;
    let foreign = false;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      const upper = byte >= 0x41 && byte <= 0x5a;
      changed ||= upper;
      foreign ||= byte >= 0x80;
      this.bytes[i - start] = upper ? byte | 0x20 : byte;
    }
    this.length = end - start;
    if (!foreign) return changed;
    const path = decoder.decode(bytes.subarray(start, end));
    const folded = foldPath(path);
    if (folded === path) return false;
    const { read, written } = encoder.encodeInto(folded, this.bytes);
    this.length = written;
    return read === folded.length;
  }
}
