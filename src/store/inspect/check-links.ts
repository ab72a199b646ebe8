/** Follows the links of all pages and style sheets inside the site. */

import { type HtmlReader, htmlReader } from '../html/html.js';
import { type Link, linksOfPage, linksOfStyle, type PageLinks } from '../html/links.js';
import { decodedPath, type Place, placeOf } from '../html/page-address.js';
import { xmlElements } from '../html/xml-elements.js';
import { foldPath } from '../paths/location.js';
import { textOfPage } from '../site/charset.js';
import type { Lookup, Resource, Store } from '../store.js';

export interface Problem {
  readonly kind: 'link' | 'image' | 'resource' | 'case';
  /** The page with the reference. */
  readonly from: string;
  /** The target, as written. */
  readonly to: string;
  readonly sentence: string;
}

export interface Checked {
  readonly problems: readonly Problem[];
  readonly unlinked: readonly string[];
  /** The path at which the site lies, `/docs`, as it was given or as its links have it; empty: the root of its host. */
  readonly base: string;
}

const encoder = new TextEncoder();
/** The most path segments of a guessed base. */
const DEEPEST_BASE = 3;
/** Files that clients request without a link. */
const KNOWN =
  /^\/(?:index\.html?|(?:.*\/)?404\.html|robots\.txt|sitemap[^/]*\.xml|favicon\.ico|apple-touch-icon[^/]*|CNAME|sw\.js|browserconfig\.xml|.*\.(?:map|webmanifest))$|^\/\.well-known\//;

interface CheckedPage {
  readonly path: string;
  readonly found: PageLinks;
}

/**
 * `base`: where the site lies on its host, `/docs`; absolute paths in its pages begin at the host. Without it the site
 * is at the root, unless the links themselves show another place.
 */
export async function checkLinks(store: Store, base?: string): Promise<Checked> {
  const read = await htmlReader();
  const pages: CheckedPage[] = [];
  for (const page of store.resources()) {
    const found = linksOf(page, read);
    if (found) pages.push({ path: page.path, found });
  }
  const hosts = hostsOf(store, read);
  const servedAt = base ?? guessedBase(store, pages, hosts);
  const problems: Problem[] = [];
  const linked = new Set<string>();
  for (const { path, found } of pages) {
    for (const link of found.links) {
      const place = placeOfLink(link.to, { path, servedAt, base: found.base }, hosts);
      const problem = place && follow(store, path, link, place, linked);
      if (problem) problems.push(problem);
    }
  }
  const unlinked = Array.from(store.resources(), (resource) => resource.path).filter(
    (path) => !linked.has(path) && !KNOWN.test(path),
  );
  return { problems: dedupe(problems), unlinked, base: servedAt };
}

/**
 * A guess of the path at which the site lies. Most absolute links that are broken at the root work below this path: a
 * site that was made for `https://example.org/docs/` has `/docs/` in all of its links, and no such directory.
 */
function guessedBase(store: Store, pages: readonly CheckedPage[], hosts: ReadonlySet<string>): string {
  const votes = new Map<string, number>();
  let absolute = 0;
  for (const { path, found } of pages) {
    for (const { to } of found.links) {
      const place = placeOfLink(to, { path, servedAt: '', base: found.base }, hosts);
      if (place?.kind !== 'here' || !/^(?:\/|https?:)/i.test(to)) continue;
      absolute++;
      if (find(store, place.path).kind !== 'missing') continue;
      const names = place.path.split('/').slice(1, -1);
      for (let n = 1; n <= Math.min(names.length, DEEPEST_BASE); n++) {
        const base = `/${names.slice(0, n).join('/')}`;
        if (find(store, place.path.slice(base.length)).kind !== 'missing') votes.set(base, (votes.get(base) ?? 0) + 1);
      }
    }
  }
  const [best, count] = [...votes].sort((a, b) => b[1] - a[1] || a[0].length - b[0].length)[0] ?? ['', 0];
  return count * 2 > absolute ? encodeURI(best) : '';
}

/** The host names that the site gives itself: in CNAME, in its home page's canonical address, in its sitemap. */
function hostsOf(store: Store, read: HtmlReader): Set<string> {
  const there = (path: string): Resource | undefined => {
    const found = find(store, path);
    return found.kind === 'resource' ? found.resource : undefined;
  };
  const hosts = new Set<string>();
  const cname = there('/CNAME');
  if (cname) hosts.add(textOf(cname).trim().toLowerCase());
  const home = there('/');
  const sitemap = there('/sitemap.xml');
  const addresses = [
    home && linksOf(home, read)?.canonical,
    sitemap && /<loc>\s*(https?:[^<\s]+)/.exec(textOf(sitemap))?.[1],
  ];
  for (const address of addresses) if (address && URL.canParse(address)) hosts.add(new URL(address).host);
  return hosts;
}

function linksOf(page: Resource, read: HtmlReader): PageLinks | undefined {
  if (page.contentType.startsWith('text/html'))
    // A browser without scripts shows the content of `noscript`: its links must work, too.
    return linksOfPage(read(textOf(page), { scripting: false }));
  if (/^(?:application\/xhtml\+xml|image\/svg\+xml)/.test(page.contentType))
    return linksOfPage(xmlElements(textOf(page)));
  if (page.contentType.startsWith('text/css'))
    return { links: linksOfStyle(textOf(page)), base: undefined, canonical: undefined };
  return undefined;
}

/** The target of a reference inside the site; undefined: it leads elsewhere, or to the page itself. */
function placeOfLink(
  to: string,
  page: Parameters<typeof placeOf>[1],
  hosts: ReadonlySet<string>,
): Exclude<Place, { kind: 'elsewhere' }> | undefined {
  if (to === '' || to.startsWith('#')) return undefined;
  const place = placeOf(to, page, hosts);
  return place?.kind === 'elsewhere' ? undefined : place;
}

function follow(
  store: Store,
  from: string,
  link: Link,
  place: Exclude<Place, { kind: 'elsewhere' }>,
  linked: Set<string>,
): Problem | undefined {
  const what = link.kind === 'image' ? 'shows the image' : link.kind === 'link' ? 'links to' : 'refers to';
  const dead = { kind: link.kind, from, to: link.to, sentence: `${from} ${what} ${link.to}, which is not there` };
  if (place.kind === 'broken') return dead;
  const { path } = place;
  let found = find(store, path);
  let wrongCase = false;
  for (let hops = 0; found.kind === 'redirect' && hops < 5; hops++) {
    if (!found.location.startsWith('/')) return undefined;
    const target = decodedPath(found.location.replace(/[?#].*$/, ''));
    if (target === undefined) return dead;
    wrongCase ||=
      target !== path &&
      foldPath(target).replace(/\/$/, '') === foldPath(path).replace(/\/$/, '') &&
      target.replace(/\/$/, '') !== path.replace(/\/$/, '');
    found = find(store, target);
  }
  if (found.kind === 'resource') {
    for (const one of found.resource.languages ?? [found.resource]) linked.add(one.path);
    if (!wrongCase) return undefined;
    const sentence = `${from} refers to ${link.to}, and ${found.resource.path} is written in another case`;
    return { kind: 'case', from, to: link.to, sentence };
  }
  return dead;
}

function dedupe(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.sentence, problem])).values()];
}

function find(store: Store, path: string): Lookup {
  const bytes = encoder.encode(path);
  return store.lookup(bytes, 0, bytes.length);
}

function textOf(resource: Resource): string {
  const body = resource.representations.find(({ coding }) => coding === 'identity')?.body;
  if (body === undefined || body.source !== undefined) return '';
  return textOfPage(body.memory.bytes.subarray(body.start, body.end));
}
