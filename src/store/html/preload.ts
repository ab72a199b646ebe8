/** The files that a browser needs before it can show a page, as `Link: rel=preload` (RFC 8288, RFC 8297). */

import type { RouteTable } from '../routes/routes.js';
import { textOfPage } from '../site/charset.js';
import type { SiteFile } from '../site/site.js';
import { mappedSlowly, type Slices } from '../slices.js';
import { type HtmlElement, type HtmlReader, htmlReader } from './html.js';
import { baseOf, relations } from './links.js';
import { placeOf } from './page-address.js';

/** More hints than this are of no use: they would compete for the bandwidth. */
const MOST = 8;

/**
 * The pages with their `link`: style sheets and scripts of the site that stand in their heads. `servedAt`: where it
 * lies on its host.
 */
export async function withPreloads(
  files: readonly SiteFile[],
  table: RouteTable,
  servedAt: string,
  slices: Slices,
): Promise<readonly SiteFile[]> {
  const read = await htmlReader();
  return mappedSlowly(
    files,
    async (file) => {
      const { blob, coding } = file.coded[0]!;
      if (!file.type.startsWith('text/html') || coding !== 'identity' || blob.large !== undefined) return file;
      const link = preloads(file.path, textOfPage(await blob.load()), read, table, servedAt);
      return link === '' ? file : { ...file, link };
    },
    slices,
  );
}

function preloads(path: string, html: string, read: HtmlReader, table: RouteTable, servedAt: string): string {
  const elements = read(html, { scripting: true, headOnly: true });
  const base = baseOf(elements);
  const found = new Set<string>();
  for (const element of elements) {
    const wanted = element.head && element.html && !element.inert ? wantedBy(element) : undefined;
    if (wanted === undefined) continue;
    const place = placeOf(wanted.to, { path, servedAt, base });
    if (place?.kind !== 'here' || !table.served(place.path)) continue;
    // The target may have a query against caches: the browser will request it with that query.
    const relation = wanted.as === 'module' ? 'rel=modulepreload' : `rel=preload; as=${wanted.as}`;
    found.add(`<${place.address}${place.query}>; ${relation}${crossOrigin(element)}`);
    if (found.size === MOST) break;
  }
  return [...found].join(', ');
}

interface Wanted {
  readonly to: string;
  readonly as: 'style' | 'script' | 'module' | 'font' | 'image';
}

/**
 * The file that a browser fetches for an element in the head before it shows the page. Elements with `integrity` are
 * left out, because a preload without it would be fetched in vain. Sheets for other media than screens, disabled
 * sheets, and data in `script` are left out, too.
 */
function wantedBy({ name, attributes }: HtmlElement): Wanted | undefined {
  if (attributes.has('integrity')) return undefined;
  if (name === 'script') {
    const to = attributes.get('src')?.trim();
    const as = scriptType(attributes);
    return to && as !== undefined && !attributes.has('nomodule') ? { to, as } : undefined;
  }
  const to = attributes.get('href')?.trim();
  if (name !== 'link' || !to || attributes.has('disabled')) return undefined;
  const rel = relations(attributes);
  const type = (attributes.get('type') ?? '').replace(/;.*/, '').trim().toLowerCase();
  if (rel.includes('stylesheet')) {
    const used = !rel.includes('alternate') && (type === '' || type === 'text/css');
    return used && /^(?:|all|screen)$/i.test(attributes.get('media')?.trim() ?? '') ? { to, as: 'style' } : undefined;
  }
  if (attributes.has('media')) return undefined;
  if (rel.includes('modulepreload')) return { to, as: 'module' };
  const as = attributes.get('as')?.toLowerCase();
  const known = as === 'style' || as === 'script' || as === 'font' || as === 'image';
  return rel.includes('preload') && known && !attributes.has('imagesrcset') ? { to, as } : undefined;
}

/** The essences of JavaScript (WHATWG MIME Sniffing 4.6). */
const SCRIPT = /^(?:application|text)\/(?:x-)?(?:ecma|java)script$|^text\/(?:javascript1\.[0-5]|jscript|livescript)$/;

/**
 * The kind of a `script` (HTML Living Standard 4.12.1.1, "prepare the script element"); undefined: data, which no
 * browser fetches.
 */
function scriptType(attributes: ReadonlyMap<string, string>): 'script' | 'module' | undefined {
  const type = attributes.get('type');
  const language = attributes.get('language');
  const text = type !== undefined ? type.trim() || type : language ? `text/${language}` : '';
  if (text === '' || SCRIPT.test(text.toLowerCase())) return 'script';
  return text.toLowerCase() === 'module' ? 'module' : undefined;
}

function crossOrigin({ attributes }: HtmlElement): string {
  const value = attributes.get('crossorigin');
  if (value === undefined) return '';
  return value.toLowerCase() === 'use-credentials' ? '; crossorigin=use-credentials' : '; crossorigin';
}
