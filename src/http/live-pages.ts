import { isText } from './octets.js';
import { type Page, plainPage } from './pages.js';

/** What a live page says now. */
export interface LiveAnswer {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
}

/** A page that is made each time it is asked for: metrics, health, status. It comes before what the site has at its path. */
export interface LivePage {
  /** Absolute and normalised, of characters that need no `%`: `/metrics`. */
  readonly path: string;
  readonly render: () => LiveAnswer;
  /** Whether a client at this address may see it; to others there is what the site has there. Everybody, when absent. */
  readonly permits?: ((address: string) => boolean) | undefined;
}

/** Loopback, in IPv4 and IPv6: what `permits` of pages about the server itself should be, unless somebody knows better. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

export class LivePages {
  readonly #pages: readonly LivePage[];

  /** Throws a `RangeError` when a path is not as it must be. */
  constructor(pages: readonly LivePage[]) {
    for (const { path } of pages) {
      if (!/^(\/[\w!$&'()*+,;=:@~.-]+)+$/.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
        throw new RangeError(
          `path of a live page: an absolute one like /metrics expected, got ${JSON.stringify(path)}`,
        );
      }
    }
    this.#pages = pages;
  }

  /** The page at the path `bytes[start..end)` that the client may see, made now. */
  find(bytes: Uint8Array, start: number, end: number, remote: { readonly address: string }): Page | undefined {
    for (const page of this.#pages) {
      if (!isText(bytes, start, end, page.path)) continue;
      if (page.permits !== undefined && !page.permits(remote.address)) return undefined;
      const answer = page.render();
      return plainPage(answer.status, answer.contentType, answer.body);
    }
    return undefined;
  }
}
