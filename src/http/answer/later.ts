/**
 * The part of an answer that waits until the peer has taken the earlier part: content that is read from the disk, or
 * that is longer than one write.
 */
import type { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import type { Content, ContentReader, ContentSource, Extent } from '../../store/store.js';

/**
 * Bytes that are read from the disk at a time. A connection holds two such pieces at most, for content of any length.
 */
export const PIECE = 2 ** 18;
/** Bytes that are written by reference at a time: networks count what is queued in 32 bits. */
const REFERENCED = 2 ** 26;
/** Content up to this many bytes that is in memory is one write. */
const AT_ONCE = 2 ** 30;

type Item = Extent & { readonly source?: ContentSource | undefined };

export class Later {
  readonly #items: Item[] = [];
  /** How far the first item has been written. */
  #at = 0;
  #source: ContentSource | undefined;
  #reader: ContentReader | undefined;
  #reading = false;
  #over = false;
  /** The connection ends with it. */
  closes = false;

  /** Whether content has to be written later. */
  static needs({ start, end, source }: Content): boolean {
    return source !== undefined || end - start > AT_ONCE;
  }

  /** `[start, end)` of the memory, or of the content in `source`. */
  add(memory: Memory, start: number, end: number, source?: ContentSource): void {
    if (this.#items.length === 0) this.#at = start;
    this.#items.push({ memory, start, end, source });
  }

  get done(): boolean {
    return this.#items.length === 0;
  }

  /**
   * Writes until the flow holds more than `PIECE`; then the flow reports when it has drained. Content from the disk is
   * here when `read` is called. False: the content cannot be read.
   */
  write(flow: Flow, read: (there: boolean) => void): void {
    flow.lowWater = PIECE;
    while (this.#items.length > 0 && !this.#reading && flow.queued <= PIECE) {
      const { memory, end, source } = this.#items[0]!;
      if (source !== undefined) {
        this.#reading = true;
        const to = Math.min(end, this.#at + PIECE);
        void this.#read(source, this.#at, to).then((piece) => this.#came(flow, piece, to, read));
        return;
      }
      const to = Math.min(end, this.#at + REFERENCED);
      if (to > this.#at) flow.write(memory, this.#at, to);
      this.#wrote(to);
    }
  }

  #came(flow: Flow, piece: Extent | undefined, to: number, read: (there: boolean) => void): void {
    this.#reading = false;
    if (this.#over) return;
    if (piece !== undefined) {
      flow.write(piece.memory, piece.start, piece.end);
      this.#wrote(to);
    }
    read(piece !== undefined);
  }

  #wrote(to: number): void {
    this.#at = to;
    if (to < this.#items[0]!.end) return;
    this.#items.shift();
    if (this.#items.length > 0) this.#at = this.#items[0]!.start;
    else this.#close();
  }

  async #read(source: ContentSource, start: number, end: number): Promise<Extent | undefined> {
    if (this.#source !== source) {
      this.#close();
      this.#source = source;
      const reader = await source.open();
      if (this.#over) reader?.close();
      else this.#reader = reader;
    }
    return this.#reader?.read(start, end);
  }

  #close(): void {
    this.#reader?.close();
    this.#reader = this.#source = undefined;
  }

  /** Nothing more is written: the connection is over. */
  end(): void {
    this.#over = true;
    this.#close();
  }
}
