/** Writes an answer that has been decided on, and keeps account of it. */
import type { Content, Extent, Representation } from '../../store/store.js';
import type { AnswerWriter } from './answer-writer.js';
import type { Page } from './pages.js';
import type { Ending } from './tails.js';

/** One object for all connections and versions of HTTP: what it says of an answer holds until the next one begins. */
export class AnswerOutput {
  /** Of the last answer, for logs: its status, and its bytes of content. */
  status = 0;
  contentBytes = 0;
  /** Bytes of the last answer that were made for it alone, and are in memory until they are sent. */
  ownBytes = 0;
  /** A part of the current answer has been written. */
  begun = false;
  /** The last answer need not be logged. */
  quiet = false;
  /** See `Responder`. */
  repeatable: Representation | undefined = undefined;
  /** Since the start: answers by status, and bytes of content. */
  readonly answers = new Uint32Array(600);
  totalBytes = 0;

  /** The whole content of what was selected, or, `bodiless`, the head alone. */
  whole(to: AnswerWriter, selected: Representation, status: number, ending: Ending, bodiless: boolean): void {
    const { headOk, body } = selected;
    this.#begin(status);
    if (bodiless) {
      to.head(headOk);
      to.end(ending);
      return;
    }
    this.#count(body.end - body.start);
    to.whole(headOk, body, ending);
  }

  /** A head behind which there is no content. */
  bare(to: AnswerWriter, status: number, head: Extent, ending: Ending): void {
    this.#begin(status);
    to.whole(head, undefined, ending);
  }

  /** A page of the server itself. */
  page(to: AnswerWriter, page: Page, ending: Ending, bodiless: boolean): void {
    this.head(to, page.status, page.head);
    if (!page.kept) this.ownBytes += page.head.memory.bytes.length;
    to.end(ending);
    if (!bodiless) this.content(to, page.body);
  }

  /** Begins an answer. Its field lines (`text`), `end`, and its content follow. */
  head(to: AnswerWriter, status: number, head: Extent): void {
    this.#begin(status);
    to.head(head);
  }

  /** Field lines for this answer alone. */
  text(to: AnswerWriter, lines: string): void {
    this.ownBytes += lines.length;
    to.text(lines);
  }

  content(to: AnswerWriter, piece: Content): void {
    if (piece.end === piece.start) return;
    this.#count(piece.end - piece.start);
    to.content(piece);
  }

  /** `[first, last)` of the content. */
  part(to: AnswerWriter, { memory, start, source }: Content, first: number, last: number): void {
    this.content(to, { memory, start: start + first, end: start + last, source });
  }

  #begin(status: number): void {
    this.begun = true;
    this.status = status;
    this.quiet = false;
    this.repeatable = undefined;
    this.contentBytes = this.ownBytes = 0;
    this.answers[status]!++;
  }

  #count(contentBytes: number): void {
    this.contentBytes += contentBytes;
    this.totalBytes += contentBytes;
  }
}
