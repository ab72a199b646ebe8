/** What a page or a style sheet refers to. */
import type { HtmlElement } from './html.js';
import { parseRefresh } from './refresh.js';
import { pictures } from './srcset.js';

export interface Link {
  /** As written, character references decoded. */
  readonly to: string;
  readonly kind: 'link' | 'image' | 'resource';
}

export interface PageLinks {
  readonly links: Link[];
  /** The base of relative links, if the page names one. */
  readonly base: string | undefined;
  /** `<link rel=canonical>`: the page's own address. */
  readonly canonical: string | undefined;
}

/** The links of a page. A link in a template does not count. */
export function linksOfPage(elements: readonly HtmlElement[]): PageLinks {
  const links: Link[] = [];
  let canonical: string | undefined;
  for (const element of elements) {
    if (element.inert) continue;
    const { name, attributes } = element;
    if (name === 'link' && relations(attributes).includes('canonical')) canonical ??= attributes.get('href');
    if (name !== 'base') links.push(...linksOfElement(element));
  }
  return { links, base: baseOf(elements), canonical };
}

/** The first `base` that has an address (HTML Living Standard 4.2.3). */
export function baseOf(elements: readonly HtmlElement[]): string | undefined {
  return elements
    .find(({ name, html, inert, attributes }) => name === 'base' && html && !inert && attributes.has('href'))
    ?.attributes.get('href');
}

/** Members of `rel`, in lower case. */
export function relations(attributes: ReadonlyMap<string, string>): string[] {
  return (
    attributes
      .get('rel')
      ?.toLowerCase()
      .split(/[\t\n\f\r ]+/)
      .filter(Boolean) ?? []
  );
}

function linksOfElement({ name, attributes, text }: HtmlElement): Link[] {
  const links: Link[] = [];
  const add = (to: string | undefined, kind: Link['kind']): void => {
    if (to !== undefined) links.push({ to: to.trim(), kind });
  };
  const href = attributes.get('href') ?? attributes.get('xlink:href');
  if (name === 'link') {
    const rel = relations(attributes);
    if (!rel.includes('preconnect') && !rel.includes('dns-prefetch'))
      add(href, rel.some((one) => one.includes('icon')) ? 'image' : 'resource');
  } else add(href, name === 'a' || name === 'area' ? 'link' : 'resource');
  add(attributes.get('src'), PICTURES.has(name) ? 'image' : 'resource');
  add(attributes.get('poster'), 'image');
  if (name === 'object') add(attributes.get('data'), 'resource');
  for (const srcset of ['srcset', 'imagesrcset'])
    for (const picture of pictures(attributes.get(srcset) ?? '')) add(picture, 'image');
  if (name === 'meta') addMeta(attributes, add);
  links.push(...linksOfStyle(attributes.get('style') ?? ''), ...linksOfStyle(text));
  return links;
}

const PICTURES = new Set(['img', 'image', 'source', 'input']);

function addMeta(attributes: ReadonlyMap<string, string>, add: (to: string | undefined, kind: Link['kind']) => void) {
  const content = attributes.get('content');
  if (content === undefined) return;
  if (isRefresh(attributes)) add(parseRefresh(content)?.to || undefined, 'link');
  const meaning = attributes.get('property') ?? attributes.get('name') ?? '';
  if (/^(?:og|twitter):image(?::url)?$/.test(meaning)) add(content, 'image');
}

export function isRefresh(attributes: ReadonlyMap<string, string>): boolean {
  return attributes.get('http-equiv')?.toLowerCase() === 'refresh';
}

/** The style sheets and images that a style sheet refers to. */
export function linksOfStyle(css: string): Link[] {
  const links: Link[] = [];
  if (css === '') return links;
  const bare = css.replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, a, b, c] of bare.matchAll(/url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s]+))\s*\)/gi))
    links.push({ to: a ?? b ?? c ?? '', kind: 'resource' });
  for (const [, a, b] of bare.matchAll(/@import\s+(?:"([^"]*)"|'([^']*)')/gi))
    links.push({ to: a ?? b ?? '', kind: 'resource' });
  return links;
}
