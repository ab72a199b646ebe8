/** Pages that only send their reader elsewhere (`<meta http-equiv="refresh">`), answered as redirects. */

import { sameOrigin } from '../paths/location.js';
import type { RouteTable } from '../routes/routes.js';
import { textOfPage } from '../site/charset.js';
import type { SiteFile } from '../site/site.js';
import type { Slices } from '../slices.js';
import { type HtmlReader, htmlReader } from './html.js';
import { baseOf, isRefresh } from './links.js';
import { decodedPath, placeOf } from './page-address.js';
import { parseRefresh } from './refresh.js';

/** Bytes; a larger page has content of its own. */
const LARGEST = 8192;

/**
 * Where the page at `path` redirects a browser that runs scripts, at once: a path of the site or an address of another
 * host. Undefined: it is an ordinary page. `servedAt`: where the site lies on its host.
 */
export function refreshOf(path: string, html: string, read: HtmlReader, servedAt = ''): string | undefined {
  const elements = read(html, { scripting: true });
  for (const { name, html: known, inert, attributes } of elements) {
    if (name !== 'meta' || !known || inert || !isRefresh(attributes)) continue;
    const refresh = parseRefresh(attributes.get('content') ?? '');
    if (refresh === undefined) continue;
    if (refresh.seconds > 1 || refresh.to === '') return undefined;
    const place = placeOf(refresh.to, { path, servedAt, base: baseOf(elements) });
    if (place?.kind === 'here') return sameOrigin(place.address.slice(servedAt.length) + place.query + place.hash);
    // No redirect leads to a path of the same host outside of this site.
    return place?.kind === 'elsewhere' && /^https?:/.test(place.url) ? place.url : undefined;
  }
  return undefined;
}

/** Redirects every path of such pages. A page that redirects to itself stays a page. */
export async function applyMetaRefresh(
  table: RouteTable,
  files: readonly SiteFile[],
  servedAt: string,
  slices: Slices,
): Promise<void> {
  const paths = await slices.through(table.pathsByFile());
  const read = await htmlReader();
  for (const [i, file] of files.entries()) {
    if (slices.due) await slices.rest();
    const { blob, coding } = file.coded[0]!;
    const readable = coding === 'identity' && blob.size <= LARGEST && blob.large === undefined;
    if (!file.type.startsWith('text/html') || !readable) continue;
    const location = refreshOf(file.path, textOfPage(await blob.load()), read, servedAt);
    if (location === undefined) continue;
    const target = table.find(decodedPath(location.replace(/[?#].*$/, '')) ?? '');
    const there = target < 0 ? undefined : table.answer(target);
    if (there?.kind === 'resource' && there.file === i) continue;
    for (const path of paths[i] ?? []) table.set(path, { kind: 'redirect', status: 301, location });
  }
}
