/** Slots are grouped in sets: a block may be in any slot of one set. */
const WAYS = 4;
const SLOTS = 512;
const SLOT_SHIFT = 23;
/** Bytes; longer blocks are parsed each time. */
const LONGEST = 2048;
const SHORTEST = 8;
const SAMPLES = 16;
/** CR LF CR LF, as a little-endian word: how each block ends. */
const ENDING = 0x0a0d0a0d;

/** A block that came before, and the value recorded for it. */
export class Seen<T> {
  readonly slot: number;
  readonly words: Int32Array;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly value: T;

  constructor(slot: number, bytes: Uint8Array, value: T) {
    this.slot = slot;
    this.length = bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.words = new Int32Array(bytes.length >> 2);
    for (let i = 0; i < this.words.length; i++) this.words[i] = view.getInt32(i << 2, true);
    this.bytes = bytes;
    this.value = value;
  }
}

/**
 * Runs of bytes that end with an empty line, each with a recorded value. Two blocks are equal only if every octet is
 * equal. Shared by all connections, each of which remembers the number of its last slot; holds blocks that came twice.
 */
export class SeenBlocks<T> {
  readonly #slots: (Seen<T> | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Hashes of the blocks in the slots. */
  readonly #hashes = new Int32Array(SLOTS);
  /** Hashes of blocks that came once, and may get a slot. */
  readonly #candidates = new Int32Array(SLOTS);
  /** The slot of each set that is used next. */
  readonly #next = new Uint8Array(SLOTS / WAYS);
  #viewed: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /**
   * The block at the beginning of `bytes[start..end)`, if it is that of `slot`, or if it is all of these bytes and was
   * seen before; else undefined.
   */
  match(slot: number, bytes: Uint8Array, start: number, end: number): Seen<T> | undefined {
    const length = end - start;
    if (length < SHORTEST) return undefined;
    const view = this.#viewOf(bytes);
    const at = bytes.byteOffset + start;
    const seen = this.#slots[slot];
    if (
      seen !== undefined &&
      length >= seen.length &&
      view.getInt32(at + seen.length - 4, true) === ENDING &&
      same(seen, view, at)
    ) {
      return seen;
    }
    if (length > LONGEST || view.getInt32(at + length - 4, true) !== ENDING) return undefined;
    return this.#find(view, at, length, hash(view, at, length));
  }

  /**
   * Records a block. Returns its slot, or the slot that it may get when it comes again. `know` gets a copy, and returns
   * the value to record.
   */
  note(bytes: Uint8Array, start: number, end: number, know: (copy: Uint8Array) => T): number {
    const length = end - start;
    if (length > LONGEST || length < SHORTEST) return 0;
    const view = this.#viewOf(bytes);
    const at = bytes.byteOffset + start;
    const sum = hash(view, at, length);
    const found = this.#find(view, at, length, sum);
    if (found !== undefined) return found.slot;
    const candidate = sum >>> SLOT_SHIFT;
    if (this.#candidates[candidate] !== sum) {
      this.#candidates[candidate] = sum;
      return candidate;
    }
    const set = (candidate / WAYS) | 0;
    const slot = set * WAYS + this.#next[set]!;
    this.#next[set] = (this.#next[set]! + 1) % WAYS;
    const copy = bytes.slice(start, end);
    this.#slots[slot] = new Seen(slot, copy, know(copy));
    this.#hashes[slot] = sum;
    return slot;
  }

  /** Forgets all blocks. */
  clear(): void {
    this.#slots.fill(undefined);
    this.#hashes.fill(0);
    this.#candidates.fill(0);
  }

  #find(view: DataView, at: number, length: number, sum: number): Seen<T> | undefined {
    const first = (sum >>> SLOT_SHIFT) & -WAYS;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#hashes[slot] !== sum) continue;
      const seen = this.#slots[slot];
      if (seen !== undefined && seen.length === length && same(seen, view, at)) return seen;
    }
    return undefined;
  }

  /** A view of the buffer behind `bytes`; networks read into the same one again and again. */
  #viewOf(bytes: Uint8Array): DataView {
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    }
    return this.#view;
  }
}

/** A hash of some words of the block, the first and the last among them: equality is decided by all of the bytes. */
function hash(view: DataView, at: number, length: number): number {
  let sum = length;
  for (let i = 0; i < SAMPLES; i++) {
    sum = Math.imul(sum ^ view.getInt32(at + ((((length - 4) * i) / (SAMPLES - 1)) | 0), true), 0x9e3779b1);
    sum ^= sum >>> 15;
  }
  return sum;
}

function same(seen: Seen<unknown>, view: DataView, start: number): boolean {
  const { words, length } = seen;
  let at = start;
  for (let i = 0; i < words.length; i++, at += 4) if (view.getInt32(at, true) !== words[i]) return false;
  const own = seen.bytes;
  for (let i = words.length << 2; i < length; i++) if (view.getUint8(start + i) !== own[i]) return false;
  return true;
}
