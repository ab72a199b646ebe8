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
    const attributes = new Map<string, string>();
    for (const [, key, a, b, c] of rest!.matchAll(ATTRIBUTE))
      attributes.set(key!.toLowerCase(), decodeEntities(a ?? b ?? c ?? ''));
    const href = attributes.get('href');
    if (tag === 'link' && attributes.get('rel')?.toLowerCase() === 'canonical') canonical ??= href;
    if (tag === 'base') base ??= href;
    else links.push(...linksOfTag(tag, attributes));
  }
  return { links, base, canonical };
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
