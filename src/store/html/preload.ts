/** What a page needs before a browser can show it, as `Link: rel=preload` says it (RFC 8288, RFC 8297). */

import type { RouteTable } from '../routes/routes.js';
import type { SiteFile } from '../site/site.js';
import { linksOfHead } from './links.js';

/** More than these is no hint any more: they would take the line from each other. */
const MOST = 8;
const HERE = 'http://site.invalid';

/** The pages with their `link`: style sheets and scripts of the site that stand in their heads. */
export async function withPreloads(files: readonly SiteFile[], table: RouteTable): Promise<readonly SiteFile[]> {
  return Promise.all(
    files.map(async (file) => {
      const { blob } = file.coded[0]!;
      if (!file.type.startsWith('text/html') || blob.large !== undefined) return file;
      const html = new TextDecoder().decode(await blob.load());
      const link = preloads(file.path, html, table);
      return link === '' ? file : { ...file, link };
    }),
  );
}

function preloads(path: string, html: string, table: RouteTable): string {
  const { wanted, base } = linksOfHead(html);
  const found = new Set<string>();
  for (const { to, as, crossOrigin } of wanted) {
    try {
      const from = new URL(encodeURI(path).replace(/[?#]/g, encodeURIComponent), HERE);
      const url = new URL(to, base === undefined ? from : new URL(base, from));
      if (url.origin !== HERE || !table.served(decodeURIComponent(url.pathname))) continue;
      // The target may have a query, which busts caches, and is what the browser will ask for.
      const target = `<${url.pathname}${url.search}>`;
      const relation = as === 'module' ? 'rel=modulepreload' : `rel=preload; as=${as}`;
      found.add(`${target}; ${relation}${crossOrigin === undefined ? '' : `; crossorigin${crossOrigin}`}`);
    } catch {
      // What is no URL is not fetched by browsers either.
    }
    if (found.size === MOST) break;
  }
  return [...found].join(', ');
}
