/** The description of a site before it is laid out in a bundle. */
import type { Memory } from '../../memory/memory.js';
import type { Coding, ContentSource } from '../store.js';

/** Bytes that are sent as they are. */
export interface Blob {
  /** Hex of their SHA-256: equal bytes are stored once. */
  readonly sha256: string;
  readonly size: number;
  /** The bytes as they are sent, once they were asked for: the same for each version of the site. */
  memory?: Memory | undefined;
  /** The bytes; a file that has changed is a StoreError. */
  load(): Uint8Array | Promise<Uint8Array>;
  /**
   * For content that is never held whole: how it is sent, its beginning, and its pieces in order. `load` then rejects.
   */
  readonly large?:
    | { readonly source: ContentSource; readonly start: Uint8Array; pieces(): AsyncIterable<Uint8Array> }
    | undefined;
}

export interface Coded {
  readonly coding: Coding;
  readonly blob: Blob;
}

export interface SiteFile {
  /** From the root, decoded: `/blog/index.html`. */
  readonly path: string;
  /** Content-Type, with its charset. */
  readonly type: string;
  /** Of a translation, `page.de.html`: its language tag. */
  readonly language?: string | undefined;
  /** Value of `Link`: what a browser should fetch before it has read the page. */
  readonly link?: string | undefined;
  /** It will have other codings: the coding depends on the request. */
  readonly pending?: boolean | undefined;
  /** Seconds since 1970 when it was changed last, where that is known. */
  readonly modified?: number | undefined;
  /** Its name is a fingerprint: the content at this path never changes. */
  readonly immutable?: boolean | undefined;
  /** Identity first, then the codings that are smaller; or nothing but the coding in which the file itself is. */
  readonly coded: readonly Coded[];
}

export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/**
 * What a path leads to: a file with a status, with the fields that this path gives it, its translations, or another
 * place.
 */
export type Answer =
  | { readonly kind: 'resource'; readonly file: number; readonly status: number; readonly asked: string }
  /** `files` are translations of each other; the first is for clients that accept none of them. */
  | { readonly kind: 'languages'; readonly files: readonly number[]; readonly status: number; readonly asked: string }
  /** `fields`: lines that rules of the site give the redirect, each ended by CRLF; mostly none. */
  | { readonly kind: 'redirect'; readonly status: RedirectStatus; readonly location: string; readonly fields?: string };

/** A path, decoded, and what it leads to. Numbers are places in the list of answers; -1: nothing. */
interface Key {
  readonly path: string;
  readonly flags: number;
  readonly answer: number;
  /** The 404 page for missing paths below this directory. */
  readonly notFound: number;
}

export interface Routes {
  /** The first are those of the files, in their order. */
  readonly answers: readonly Answer[];
  readonly keys: readonly Key[];
  /** Slashes in the deepest directory that has a 404 page of its own. */
  readonly deepestNotFound: number;
}

/** A strong entity tag (RFC 9110 8.8.3): 64 bits of the content's SHA-256. */
export function etagOf(sha256: string): string {
  return `"${sha256.slice(0, 16)}"`;
}
