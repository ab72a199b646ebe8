import type { ContentReader, ContentSource, Extent } from '../../store/store.js';

/** Bytes that are read from the disk at a time. */
const PIECE = 2 ** 18;
/** Bytes that the streams of one connection hold of what was read, or are reading. */
const MOST_HELD = 2 ** 20;

/** What the streams of one connection hold together. */
export interface Held {
  diskBytes: number;
}

/**
 * Content of one answer that is read from the disk: a piece when the stream may send it, and the next when that is
 * sent.
 */
export class DiskContent {
  readonly #held: Held;
  #source: ContentSource | undefined;
  #reader: ContentReader | undefined;
  #reading = false;
  #over = false;
  /** What was read and is not sent. */
  #here: Extent | undefined = undefined;
  /** Bytes of `held` that are this one's. */
  #bytes = 0;

  constructor(held: Held) {
    this.#held = held;
  }

  /** What was read and is not sent; undefined: nothing is here. */
  get here(): Extent | undefined {
    return this.#here;
  }

  /** Something is being read. */
  get reading(): boolean {
    return this.#reading;
  }

  /**
   * Reads from `start` of the content of `source`, at most to `end`; later `read` is called once, unless `end` was
   * called before. False: the content cannot be had. Does nothing while the connection holds enough, or this one has
   * something.
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

  /** The first `octets` of what is here are sent. */
  sent(octets: number): void {
    const { memory, start, end } = this.#here!;
    this.#here = start + octets < end ? { memory, start: start + octets, end } : undefined;
    this.#take(-octets);
  }

  /** Lets go of what is here; it is read again when it may be sent. */
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
