import type { Content, Extent } from '../../store/store.js';
import type { DiskContent } from './disk-content.js';
import { DEFAULT_URGENCY } from './priority.js';

/** One request and its answer, from HEADERS until everything is sent (RFC 9113 5). */
export class Stream {
  readonly id: number;
  /** Octets that the peer lets us send; below zero after the peer has reduced the window (RFC 9113 6.9.2). */
  window: number;
  urgency = DEFAULT_URGENCY;
  incremental = false;

  // The request
  /** Its content is awaited: the stream is open, else half-closed (remote). */
  receives = true;
  /** The head, kept until the content has come. */
  head: Uint8Array | undefined = undefined;
  /** The declared octets of content, or -1; and the octets that came. */
  declared = -1;
  received = 0;
  /** Content that was not given back to the peer as window. */
  unreturned = 0;
  /** When the request began, in ticks of `Deadlines`. */
  since = 0;

  // The answer
  /** The answer is decided: its blocks and pieces are complete. */
  answered = false;
  /** Field blocks of 1xx answers, and of the answer; only those not sent yet. */
  blocks: Uint8Array[] = [];
  /** Its content, first piece first; and how much of the first one is sent. */
  pieces: Content[] = [];
  piece = 0;
  sent = 0;
  /** Octets of content that are left. */
  left = 0;
  /** The reader of pieces that are not in memory; undefined: nothing was read. */
  disk: DiskContent | undefined = undefined;
  /** Bytes that were made for this answer alone. */
  ownBytes = 0;

  constructor(id: number, window: number) {
    this.id = id;
    this.window = window;
  }

  /** Whether a part of the answer could be sent now, when the connection's window has room for `window` octets. */
  ready(window: number): boolean {
    if (this.blocks.length > 0) return true;
    if (this.left === 0 || this.window <= 0 || window <= 0) return false;
    return this.pieces[this.piece]!.source === undefined || this.disk?.here !== undefined;
  }

  /** The next piece of the content, which is not all sent; undefined: it has to be read from the disk. */
  get next(): Extent | undefined {
    const piece = this.pieces[this.piece]!;
    if (piece.source !== undefined) return this.disk?.here;
    return this.sent === 0 ? piece : { memory: piece.memory, start: piece.start + this.sent, end: piece.end };
  }

  /** Records that `octets` of `next` are sent. */
  took(octets: number): void {
    const { start, end, source } = this.pieces[this.piece]!;
    this.left -= octets;
    this.window -= octets;
    this.sent += octets;
    if (source !== undefined) this.disk!.sent(octets);
    if (start + this.sent < end) return;
    this.piece++;
    this.sent = 0;
    if (source !== undefined && this.pieces[this.piece]?.source === undefined) this.disk!.close();
  }
}
