/** What a page or a style sheet refers to. For inspection, not for browsers: what it takes for a link is one. */

export interface Link {
  /** As written, entities decoded. */
  readonly to: string;
  readonly kind: 'link' | 'image' | 'resource';
}

const TAG = /<([a-zA-Z][a-zA-Z0-9-]*)((?:\s+|\/|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*>/g;
const ATTRIBUTE = /([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' };

export interface PageLinks {
  readonly links: Link[];
  /** What they are relative to, if the page names it. */
  readonly base: string | undefined;
  /** `<link rel=canonical>`: the page's own address. */
  readonly canonical: string | undefined;
}

/** The links of an HTML page. */
export function linksOfPage(html: string): PageLinks {
  const links: Link[] = [];
  let base: string | undefined;
  let canonical: string | undefined;
  const bare = html
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(
      /(<(script|style|textarea|template)\b[^>]*>)([\s\S]*?)<\/\2\s*>/gi,
      (_, open: string, name: string, inside: string) => {
        if (name.toLowerCase() === 'style') links.push(...linksOfStyle(inside));
        return open;
      },
    );
  for (const [, name, rest] of bare.matchAll(TAG)) {
    const tag = name!.toLowerCase();
    const attributes = attributesOf(rest!);
    const href = attributes.get('href');
    if (tag === 'link' && attributes.get('rel')?.toLowerCase() === 'canonical') canonical ??= href;
    if (tag === 'base') base ??= href;
    else links.push(...linksOfTag(tag, attributes));
  }
  return { links, base, canonical };
}

/** Something that a browser fetches for the head of a page. `crossOrigin`: `''` or `=use-credentials`, where it is asked for so. */
export interface Wanted {
  readonly to: string;
  readonly as: 'style' | 'script' | 'module' | 'font' | 'image';
  readonly crossOrigin: '' | '=use-credentials' | undefined;
}

/**
 * The style sheets, scripts and preloads that stand in the head of an HTML page, in order. What has `integrity` is left out: a preload without
 * it would be fetched in vain; so are sheets for other media than screens, and scripts that may wait.
 */
export function linksOfHead(html: string): { wanted: Wanted[]; base: string | undefined } {
  const head = html.replace(/<!--[\s\S]*?-->/g, '').split(/<\/head\s*>|<body[\s>]/i)[0]!;
  const bare = head.replace(/(<(script|style|noscript|template)\b[^>]*>)([\s\S]*?)<\/\2\s*>/gi, '$1');
  const wanted: Wanted[] = [];
  let base: string | undefined;
  for (const [, name, rest] of bare.matchAll(TAG)) {
    const tag = name!.toLowerCase();
    const attributes = attributesOf(rest!);
    if (tag === 'base') base ??= attributes.get('href');
    const one = attributes.has('integrity') || /\snomodule\b/i.test(rest!) ? undefined : wantedBy(tag, attributes);
    if (one === undefined) continue;
    const cross = attributes.get('crossorigin') ?? (/\scrossorigin\b/i.test(rest!) ? '' : undefined);
    const crossOrigin = cross === undefined ? undefined : cross === 'use-credentials' ? '=use-credentials' : '';
    wanted.push({ ...one, crossOrigin });
  }
  return { wanted, base };
}

function wantedBy(tag: string, attributes: ReadonlyMap<string, string>): Omit<Wanted, 'crossOrigin'> | undefined {
  if (tag === 'script') {
    const to = attributes.get('src')?.trim();
    return to ? { to, as: attributes.get('type')?.trim().toLowerCase() === 'module' ? 'module' : 'script' } : undefined;
  }
  const to = attributes.get('href')?.trim();
  if (tag !== 'link' || !to) return undefined;
  const rel = attributes.get('rel')?.toLowerCase().split(/\s+/) ?? [];
  if (rel.includes('stylesheet') && !rel.includes('alternate'))
    return /^(?:|all|screen)$/.test(attributes.get('media')?.trim() ?? '') ? { to, as: 'style' } : undefined;
  if (rel.includes('modulepreload')) return { to, as: 'module' };
  const as = attributes.get('as')?.toLowerCase();
  const known = as === 'style' || as === 'script' || as === 'font' || as === 'image';
  return rel.includes('preload') && known && !attributes.has('media') ? { to, as } : undefined;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, key, a, b, c] of text.matchAll(ATTRIBUTE)) {
    const name = key!.toLowerCase();
    if (!attributes.has(name)) attributes.set(name, decodeEntities(a ?? b ?? c ?? ''));
  }
  return attributes;
}

function linksOfTag(tag: string, attributes: ReadonlyMap<string, string>): Link[] {
  const links: Link[] = [];
  const add = (to: string | undefined, kind: Link['kind']): void => {
    if (to !== undefined) links.push({ to: to.trim(), kind });
  };
  const picture = tag === 'img' || tag === 'image' || tag === 'source' || tag === 'input';
  const rel = attributes.get('rel')?.toLowerCase() ?? '';
  if (tag === 'link') {
    if (!/\b(?:preconnect|dns-prefetch)\b/.test(rel))
      add(attributes.get('href'), /icon/.test(rel) ? 'image' : 'resource');
  } else {
    add(attributes.get('href') ?? attributes.get('xlink:href'), tag === 'a' || tag === 'area' ? 'link' : 'resource');
  }
  add(attributes.get('src'), picture ? 'image' : 'resource');
  add(attributes.get('poster'), 'image');
  if (tag === 'object') add(attributes.get('data'), 'resource');
  for (const name of ['srcset', 'imagesrcset']) {
    for (const candidate of attributes.get(name)?.split(/,\s+|,(?=\/|https?:)/) ?? [])
      add(candidate.trim().split(/\s+/)[0] || undefined, 'image');
  }
  const refresh =
    tag === 'meta' && attributes.get('http-equiv')?.toLowerCase() === 'refresh' ? attributes.get('content') : undefined;
  add(refresh && refreshTarget(refresh), 'link');
  const meaning = attributes.get('property') ?? attributes.get('name');
  if (tag === 'meta' && /^(?:og|twitter):image(?::url)?$/.test(meaning ?? '')) add(attributes.get('content'), 'image');
  for (const link of linksOfStyle(attributes.get('style') ?? '')) links.push(link);
  return links;
}

/** Where `content="0; url=/x"` leads (HTML Living Standard 4.2.5.3). */
export function refreshTarget(content: string): string | undefined {
  return /^\s*[\d.]*\s*[;,\s]\s*(?:url\s*=\s*)?["']?([^"']+)["']?\s*$/i.exec(content)?.[1]?.trim();
}

/** What a style sheet imports and shows. */
export function linksOfStyle(css: string): Link[] {
  const links: Link[] = [];
  const bare = css.replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, a, b, c] of bare.matchAll(/url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s]+))\s*\)/gi))
    links.push({ to: a ?? b ?? c ?? '', kind: 'resource' });
  for (const [, a, b] of bare.matchAll(/@import\s+(?:"([^"]*)"|'([^']*)')/gi))
    links.push({ to: a ?? b ?? '', kind: 'resource' });
  return links;
}

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex!, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
