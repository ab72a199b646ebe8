/** Follows the links of all pages and style sheets inside the site. */
import { type Link, linksOfPage, linksOfStyle, type PageLinks } from '../html/links.js';
import { foldPath } from '../paths/location.js';
import type { Lookup, Resource, Store } from '../store.js';

export interface Problem {
  readonly kind: 'link' | 'image' | 'resource' | 'case';
  /** The page that refers. */
  readonly from: string;
  /** What it refers to, as written. */
  readonly to: string;
  readonly sentence: string;
}

export interface Checked {
  readonly problems: readonly Problem[];
  readonly unlinked: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Stands for the site itself; `invalid` is nobody's (RFC 2606). */
const HERE = 'http://site.invalid';
/** What clients ask for by themselves. */
const KNOWN =
  /^\/(?:index\.html?|(?:.*\/)?404\.html|robots\.txt|sitemap[^/]*\.xml|favicon\.ico|apple-touch-icon[^/]*|CNAME|sw\.js|browserconfig\.xml|.*\.(?:map|webmanifest))$|^\/\.well-known\//;

export function checkLinks(store: Store): Checked {
  const problems: Problem[] = [];
  const linked = new Set<string>();
  const hosts = hostsOf(store);
  for (const page of store.resources()) {
    const found = linksOf(page);
    if (!found) continue;
    for (const link of found.links) {
      const path = resolve(link.to, page.path, found.base, hosts);
      if (path === undefined) continue;
      const problem = follow(store, page.path, link, path, linked);
      if (problem) problems.push(problem);
    }
  }
  const unlinked = Array.from(store.resources(), (resource) => resource.path).filter(
    (path) => !linked.has(path) && !KNOWN.test(path),
  );
  return { problems: dedupe(problems), unlinked };
}

/** The hosts that the site says it is: in CNAME, in its home page's canonical address, in its sitemap. */
function hostsOf(store: Store): Set<string> {
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
    home && linksOf(home)?.canonical,
    sitemap && /<loc>\s*(https?:[^<\s]+)/.exec(textOf(sitemap))?.[1],
  ];
  for (const address of addresses) if (address && URL.canParse(address)) hosts.add(new URL(address).host);
  return hosts;
}

function linksOf(page: Resource): PageLinks | undefined {
  if (/^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)/.test(page.contentType))
    return linksOfPage(textOf(page));
  if (page.contentType.startsWith('text/css'))
    return { links: linksOfStyle(textOf(page)), base: undefined, canonical: undefined };
  return undefined;
}

/** The decoded path in the site that a reference leads to; undefined: elsewhere, or to the page itself. */
function resolve(to: string, page: string, base: string | undefined, hosts: ReadonlySet<string>): string | undefined {
  if (to === '' || to.startsWith('#')) return undefined;
  try {
    const from = new URL(encodeURI(page).replace(/[?#]/g, encodeURIComponent), HERE);
    const url = new URL(to, base === undefined ? from : new URL(base, from));
    const own = url.origin === HERE || (/^https?:$/.test(url.protocol) && hosts.has(url.host));
    return own ? decodeURIComponent(url.pathname) : undefined;
  } catch {
    return undefined;
  }
}

function follow(store: Store, from: string, link: Link, path: string, linked: Set<string>): Problem | undefined {
  let found = find(store, path);
  let wrongCase = false;
  for (let hops = 0; found.kind === 'redirect' && hops < 5; hops++) {
    if (!found.location.startsWith('/')) return undefined;
    const target = decodeURIComponent(found.location.replace(/[?#].*$/, ''));
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
  const what = link.kind === 'image' ? 'shows the image' : link.kind === 'link' ? 'links to' : 'refers to';
  return { kind: link.kind, from, to: link.to, sentence: `${from} ${what} ${link.to}, which is not there` };
}

function dedupe(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.sentence, problem])).values()];
}

function find(store: Store, path: string): Lookup {
  const bytes = encoder.encode(path);
  return store.lookup(bytes, 0, bytes.length);
}

function textOf(resource: Resource): string {
  const body = resource.representations[0]?.body;
  return body && body.source === undefined ? decoder.decode(body.memory.bytes.subarray(body.start, body.end)) : '';
}
