/** Pages that only send their reader elsewhere (`<meta http-equiv="refresh">`), answered as redirects. */

import { sameOrigin } from '../paths/location.js';
import type { RouteTable } from '../routes/routes.js';
import type { SiteFile } from '../site/site.js';
import { linksOfPage, refreshTarget } from './links.js';

/** A page that is larger has something to say of its own. */
const LARGEST = 8192;
const HERE = 'http://site.invalid';
const META = /<meta\b[^>]*http-equiv\s*=\s*["']?refresh["']?[^>]*>/i;

/** Where the page at `path` sends its reader at once; undefined: it is a page. */
export function refreshOf(path: string, html: string): string | undefined {
  const meta = META.exec(html.replace(/<!--[\s\S]*?-->/g, ''))?.[0];
  const content = /content\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(meta ?? '');
  const value = (content?.[1] ?? content?.[2] ?? '').replace(/&amp;/g, '&');
  const delay = Number.parseFloat(value);
  const target = refreshTarget(value);
  if (target === undefined || !(delay <= 1)) return undefined;
  try {
    const from = new URL(encodeURI(path).replace(/[?#]/g, encodeURIComponent), HERE);
    const base = linksOfPage(html).base;
    const url = new URL(target, base === undefined ? from : new URL(base, from));
    if (url.origin === HERE) return sameOrigin(url.pathname + url.search + url.hash);
    return /^https?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Redirects every path of such pages. A page that sends to itself stays what it is. */
export async function applyMetaRefresh(table: RouteTable, files: readonly SiteFile[]): Promise<void> {
  const paths = table.pathsByFile();
  for (const [i, file] of files.entries()) {
    const { blob } = file.coded[0]!;
    if (!file.type.startsWith('text/html') || blob.size > LARGEST || blob.large !== undefined) continue;
    const location = refreshOf(file.path, new TextDecoder().decode(await blob.load()));
    if (location === undefined) continue;
    const target = table.find(decodeURIComponent(location.replace(/[?#].*$/, '')));
    const there = target < 0 ? undefined : table.answer(target);
    if (there?.kind === 'resource' && there.file === i) continue;
    for (const path of paths.get(i) ?? []) table.set(path, { kind: 'redirect', status: 301, location });
  }
}
