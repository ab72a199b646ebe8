/** Addresses in pages, and the paths of the site that they mean. */

/** Stands for the site itself; `invalid` is reserved (RFC 2606). */
const HERE = 'http://site.invalid';

export type Place =
  /** A path of the site, decoded. The address is encoded, begins at the host, and has query and fragment separately. */
  | {
      readonly kind: 'here';
      readonly path: string;
      readonly address: string;
      readonly query: string;
      readonly hash: string;
    }
  /** On the site's host, but never answered with a file: a broken escape, a control character. */
  | { readonly kind: 'broken' }
  /** On the host, outside of the path at which the site lies; or on another host. */
  | { readonly kind: 'elsewhere'; readonly url: string };

export interface Page {
  /** The page's path, decoded, as the site has it. */
  readonly path: string;
  /** Where the site lies on its host, `/docs`; empty: at the root. */
  readonly servedAt: string;
  /** As `<base>` has it. */
  readonly base: string | undefined;
}

/** The meaning of `to` in a page; undefined: it is no address. `hosts`: names of the site itself. */
export function placeOf(to: string, page: Page, hosts: ReadonlySet<string> = new Set()): Place | undefined {
  let url: URL;
  try {
    const own = new URL(page.servedAt + encodeURI(page.path).replace(/[?#]/g, encodeURIComponent), HERE);
    url = new URL(to, page.base === undefined ? own : new URL(page.base, own));
  } catch (error) {
    // No URL, or a name with an unpaired surrogate: browsers fetch neither.
    if (!(error instanceof TypeError || error instanceof URIError)) throw error;
    return undefined;
  }
  const own = url.origin === HERE || (/^https?:$/.test(url.protocol) && hosts.has(url.host));
  const { pathname, search: query, hash } = url;
  if (!own) return { kind: 'elsewhere', url: url.href };
  const inside = page.servedAt === '' || pathname === page.servedAt || pathname.startsWith(`${page.servedAt}/`);
  if (!inside) return { kind: 'elsewhere', url: pathname + query + hash };
  const path = decodedPath(pathname.slice(page.servedAt.length) || '/');
  return path === undefined ? { kind: 'broken' } : { kind: 'here', path, address: pathname, query, hash };
}

/** Undefined: it has a broken escape or a control character. */
export function decodedPath(path: string): string | undefined {
  try {
    const decoded = decodeURIComponent(path);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return /[\x00-\x1f\x7f]/.test(decoded) ? undefined : decoded;
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}
