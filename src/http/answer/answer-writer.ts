import type { Endpoint } from '../../net/flow.js';
import type { Content, Extent } from '../../store/store.js';
import type { Ending } from './tails.js';

/**
 * Where an answer goes: one for each version of HTTP. The content of an answer is defined once, as heads in HTTP/1's
 * form (status line and field lines that each end in CRLF). A writer translates that into the form of its version. The
 * calls of one answer: any number of `interim`; then `whole`, or `head`, `text`, `end` and `content` in this order.
 */
export interface AnswerWriter {
  /** The client's end. */
  readonly remote: Endpoint;
  /** Whether the client came to a proxy in front over HTTPS: the first call of an answer. */
  secured(yes: boolean): void;
  /** An answer before the answer, 1xx, complete with its empty line (RFC 9110 15.2). */
  interim(head: Extent): void;
  /** An answer with all of its head but the end, and with `body`, if there is one. */
  whole(head: Extent, body: Content | undefined, ending: Ending): void;
  /** The beginning of a head. */
  head(head: Extent): void;
  /** More field lines. */
  text(lines: string): void;
  /** The end of the head: the date, and the fields about the connection. */
  end(ending: Ending): void;
  /** Content, by reference, or a part of the content that is read from the disk. Not empty. */
  content(piece: Content): void;
}
