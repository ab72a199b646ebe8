import type { ContentReader, ContentSource, Extent } from '../../store/store.js';

/** Bytes that are read from the disk at a time. */
const PIECE = 2 ** 18;
/** Bytes read from the disk, or being read, that the streams of one connection hold. */
const MOST_HELD = 2 ** 20;

/** The total of all streams of one connection. */
export interface Held {
  diskBytes: number;
}

/**
 * Content of one answer that is read from the disk: one piece when the stream may send it, and the next piece when the
 * first is sent.
 */
export class DiskContent {
  readonly #held: Held;
  #source: ContentSource | undefined;
  #reader: ContentReader | undefined;
  #reading = false;
  #over = false;
  /** Bytes that were read and are not sent. */
  #here: Extent | undefined = undefined;
  /** Bytes of `held` that belong to this content. */
  #bytes = 0;

  constructor(held: Held) {
    this.#held = held;
  }

  /** Bytes that were read and are not sent; undefined: there are none. */
  get here(): Extent | undefined {
    return this.#here;
  }

  /** A read is under way. */
  get reading(): boolean {
    return this.#reading;
  }

  /**
   * Reads the content of `source` from `start`, at most to `end`; `read` is called once later, unless `end` was called
   * before. False: the content cannot be read. Does nothing while the connection holds enough, or this object has a
   * piece.
   */
  read(source: ContentSource, start: number, end: number, read: (there: boolean) => void): void {
    const to = Math.min(end, start + PIECE, start + MOST_HELD - this.#held.diskBytes);
    if (this.#reading || this.#here !== undefined || to <= start) return;
    this.#reading = true;
    this.#take(to - start);
    void this.#load(source, start, to).then((piece) => {
      this.#reading = false;
      if (this.#over) return;
      this.#here = piece;
      read(piece !== undefined);
    });
  }

  /** The first `octets` of the piece are sent. */
  sent(octets: number): void {
    const { memory, start, end } = this.#here!;
    this.#here = start + octets < end ? { memory, start: start + octets, end } : undefined;
    this.#take(-octets);
  }

  /** Releases the piece; it is read again when it may be sent. */
  drop(): void {
    if (this.#here === undefined) return;
    this.#here = undefined;
    this.#take(-this.#bytes);
  }

  /** Everything of the source is sent. */
  close(): void {
    this.#reader?.close();
    this.#reader = this.#source = undefined;
  }

  /** The stream is over. */
  end(): void {
    this.#over = true;
    this.#here = undefined;
    this.#take(-this.#bytes);
    this.close();
  }

  #take(octets: number): void {
    this.#bytes += octets;
    this.#held.diskBytes += octets;
  }

  async #load(source: ContentSource, start: number, end: number): Promise<Extent | undefined> {
    if (this.#source !== source) {
      this.close();
      this.#source = source;
      const reader = await source.open();
      if (this.#over) reader?.close();
      else this.#reader = reader;
    }
    return this.#reader?.read(start, end);
  }
}
