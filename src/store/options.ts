/**
 * Options of a bundle and of a store. Every option has a default; where `bundle` and a served directory differ, the
 * comment gives both.
 */
import type { FileRights } from '../native/file-rights.js';

/** `git`: of the last commit; `file`: of the file system; `none`: no time is sent. */
export type Times = 'git' | 'file' | 'none';

export type Compression = 'none' | 'fast' | 'full';

/**
 * The compressors. `packages`: the same bytes on every machine, so that a host makes the bundle that CI made. `node`:
 * its zlib and brotli take half the time (measured on 32 MB of pages), and change with its version, and zlib with the
 * processor.
 */
export type Compressors = 'packages' | 'node';

/** The progress of making a bundle. Sizes are bytes before compression. */
export interface Progress {
  readonly phase: 'read' | 'compress' | 'write';
  readonly done: number;
  readonly total: number;
}

export interface SiteOptions {
  /** Takes in names that begin with a dot, too; `.well-known` is always in. Default false. */
  readonly hidden?: boolean | undefined;
  /**
   * Refuses a directory with entries that cannot be served: links to nothing, out of it or in a circle, sockets and
   * devices, files that cannot be read, names that are not UTF-8 or have control characters; and lines of `_redirects`
   * that cannot be read. Default false: they are left out, with a call of `onWarning` for each.
   */
  readonly strict?: boolean | undefined;
  /**
   * Whether a file with these rights can be read later, too, when the process has become another user. One that cannot
   * is left out now. Default: what can be read is served.
   */
  readonly readable?: ((rights: FileRights) => boolean) | undefined;
  /** Directories outside of the site into which its links may lead. Default: none. */
  readonly follow?: readonly string[] | undefined;
  /** Types by extension, before those of `mime-types`: `{ foo: 'text/x-foo' }`. Without `charset`, text gets UTF-8. */
  readonly mime?: Readonly<Record<string, string>> | undefined;
  /**
   * `full`: br 11, gzip 9, zstd 19; `fast`: br 5, gzip 6, zstd 3. Default: `full` for a bundle, `fast` for a served
   * directory.
   */
  readonly compression?: Compression | undefined;
  /** Directory of the compression cache; false: none. Default: `sitekernel` in `$XDG_CACHE_HOME`, or in `~/.cache`. */
  readonly cache?: string | false | undefined;
  /**
   * The compressors: packages that make the same bytes everywhere, or Node's, in half the time. Default: `node` for a
   * served directory.
   */
  readonly compressors?: Compressors | undefined;
  /**
   * The required compressor of each coding, as a bundle's manifest names it. If this program has another one, the bytes
   * come from the cache; a StoreError when they are not there. Default: this program's compressors.
   */
  readonly compressedBy?: Readonly<Record<string, string>> | undefined;
  /** Largest size of that directory, in bytes; the longest unused entries are removed. Default 1 GiB. */
  readonly cacheBytes?: number | undefined;
  /** Pages that are nothing but a meta refresh are answered as redirects. Default false. */
  readonly metaRefresh?: boolean | undefined;
  /** The source of `Last-Modified`: the last commit, the time of the file, or none. Default `none`. */
  readonly mtime?: Times | undefined;
  /** Patterns of paths, like `/assets/*`, at which files never change: their names are fingerprints. Default: none. */
  readonly immutable?: readonly string[] | undefined;
  /**
   * Fields that protect visitors (`Referrer-Policy`, `X-Frame-Options`) on answers without such fields of the site.
   * Default true.
   */
  readonly security?: boolean | undefined;
  /** Every path without a file is answered with `/index.html`, 200. Default false. */
  readonly spa?: boolean | undefined;
  /** Directories without an index page are answered with a list of what is in them. Default false. */
  readonly listing?: boolean | undefined;
  /**
   * The site lies at this path, like `/docs`; `/` is redirected to it. Rules of the site match whole paths. Default: at
   * `/`.
   */
  readonly base?: string | undefined;
  /**
   * The path at which HTTP serves the site, like `/docs`, if HTTP itself adds it: absolute paths in pages begin at the
   * host, and the site's own paths below this path. Default: at `/`.
   */
  readonly servedAt?: string | undefined;
  /**
   * Languages of the site, like `['en', 'pt-BR']`: `about.en.html` and `about.pt-BR.html` answer at `/about`, chosen by
   * `Accept-Language`; the first one is for clients that accept none of them. Default: none, such names have no
   * meaning.
   */
  readonly languages?: readonly string[] | undefined;
  /**
   * Announces to browsers the files that a page needs: in a `Link` field, or also in `103 Early Hints` before it.
   * Default: not.
   */
  readonly preload?: 'link' | 'early-hints' | undefined;
  /** Pages get a script that loads them again when the site has changed; for development. Default false. */
  readonly reload?: boolean | undefined;
  /** Keeps running sums, so that TCP checksums need not read the content. Default true. */
  readonly sums?: boolean | undefined;
  /**
   * The directory that a served directory's compression writes once the process is sealed; undefined: it is not sealed.
   * Entries of it are checked when they are read. Default: none.
   */
  readonly sealedCache?: (() => string | undefined) | undefined;
  /** Called now and then while the bundle is being made. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called with a message about a doubtful case that is no error. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
}

export interface OpenOptions extends SiteOptions {
  /**
   * A bundle file's header is always verified when it is opened. `lazy`: every other page when it is first needed;
   * `open`: all at once, now. Default `lazy`.
   */
  readonly verify?: 'lazy' | 'open' | undefined;
  /** Map a bundle file instead of reading it, where that is possible and safe. Default true. */
  readonly map?: boolean | undefined;
  /** Called with a message when a page of a bundle is damaged; requests for its content are answered with 500. */
  readonly onDamage?: ((sentence: string) => void) | undefined;
}
