/**
 * The HTTP server's interface to the content. A store is one immutable version of one site; a deployment brings another
 * store.
 */
import type { Memory } from '../memory/memory.js';

export type Coding = 'identity' | 'gzip' | 'br' | 'zstd';

/** A run of bytes in the bundle. */
export interface Extent {
  readonly memory: Memory;
  readonly start: number;
  readonly end: number;
}

/** Content that is too large for memory. */
export interface ContentSource {
  /** Begins to read, for one answer. Undefined: it cannot be read any more. Never rejects. */
  open(): Promise<ContentReader | undefined>;
}

export interface ContentReader {
  /** The bytes `[start, end)` of the content. Undefined: they have changed. Never rejects. */
  read(start: number, end: number): Promise<Extent | undefined>;
  close(): void;
}

/**
 * Content, in memory or not. With a `source` the bytes come from there, `memory` has none of them, and `start` is 0.
 */
export interface Content extends Extent {
  readonly source?: ContentSource | undefined;
}

/**
 * One way to send a resource. The heads are complete except for the parts that change with time and connection: each is
 * the status line and the fields, every line ended by CRLF, without `Date`, `Connection` and the empty line, which the
 * server sends behind it as one shared slice a second.
 */
export interface Representation {
  readonly coding: Coding;
  readonly body: Content;
  /** Strong, quoted, out of the content's hash: `"5f1494977bbccc1f"`. Different for each coding. */
  readonly etag: string;
  /** `200 OK` (or the resource's own status, 404 for an error page), with `Content-Length`. */
  readonly headOk: Extent;
  /** `304 Not Modified`, with ETag, Vary, Cache-Control, Content-Location as 9110 15.4.5 wants. */
  readonly headNotModified: Extent;
  /**
   * `206 Partial Content` without `Content-Range`, `Content-Length` and `Content-Type`, which the server adds: one part
   * and `multipart/byteranges` need different ones.
   */
  readonly headPartial: Extent;
  /** `412 Precondition Failed`: complete (`Content-Length: 0`). */
  readonly headFailed: Extent;
}

export interface Resource {
  /** As it is stored, decoded, from the root: `/blog/index.html`. */
  readonly path: string;
  readonly contentType: string;
  /** Seconds since 1970-01-01T00:00Z, when the bundle has an honest time; the heads then carry `Last-Modified`. */
  readonly lastModified?: number | undefined;
  /**
   * Field lines that the site gives this path, each ended by CRLF: for answers of the server itself about it (406, 416,
   * 405).
   */
  readonly fields?: string | undefined;
  /** `103 Early Hints`, complete with its empty line, where the bundle was made with it. */
  readonly hints?: Extent | undefined;
  /** Value of the `Link` field that the bundler gave it. */
  readonly link?: string | undefined;
  /** Its language, where the site has it in several. */
  readonly language?: string | undefined;
  /** The translations among which `Accept-Language` chooses; this resource is the same as the first of them. */
  readonly languages?: readonly Resource[] | undefined;
  /** It is removed when its time is over: a later request may get another answer from the same store. */
  readonly passing?: boolean | undefined;
  /** Its heads were rendered for this one answer, and stay in memory for as long as they are queued. */
  readonly fleeting?: boolean | undefined;
  /**
   * Identity first; then the codings that are smaller than it. For a file that is stored compressed: that coding alone.
   */
  readonly representations: readonly Representation[];
}

/** What a path leads to. */
export type Lookup =
  | { readonly kind: 'resource'; readonly resource: Resource }
  /**
   * `location` is an origin-relative, percent-encoded path that begins with exactly one slash; or an address of another
   * host with its scheme, where a rule of the site names it. It may have a query or fragment of its own.
   */
  | {
      readonly kind: 'redirect';
      readonly status: 301 | 302 | 303 | 307 | 308;
      readonly location: string;
      /** Field lines of the site for it, each ended by CRLF. */
      readonly fields?: string | undefined;
    }
  /** `page` has the status in its heads: 404, or what a rule of the site says (410, 451), or 500 for a damaged page. */
  | { readonly kind: 'missing'; readonly page: Resource | undefined; readonly fields?: string | undefined };

/** Contents by their place in a bundle. */
export type Bodies = Pick<ReadonlyMap<number, Content>, 'get'>;

export interface Store {
  /** SHA-256 of the bundle's header, on which every byte of it hangs by hashes, in hex: the site's version. */
  readonly id: string;
  /** URLs and files that it knows. */
  readonly size: number;
  /**
   * The answer for the path `bytes[start..end)`: decoded once, normalised, absolute, without query. O(1), and without
   * allocation for a path that was seen before. Index pages, `/about` -> `about.html`, `/dir` -> `/dir/` and the
   * nearest 404 page are resolved here: the answer for every path is known when the bundle is made. The same path has
   * the same answer for as long as this store is served, unless it is `passing` or `fleeting`: HTTP keeps it. A changed
   * site is another store.
   */
  lookup(bytes: Uint8Array, start: number, end: number): Lookup;
  /** Every resource, in the order of their paths; those that are not `wanted` are not read. */
  resources(wanted?: (path: string) => boolean): Iterable<Resource>;
  /** The same, and undefined now and then: a process that serves meanwhile pauses there. Default: no pause. */
  resourcesStepwise?(wanted?: (path: string) => boolean): Iterable<Resource | undefined>;
  close(): void;
}
