/**
 * The elements of a well-formed XML document (XML 1.0 3.1): of SVG and XHTML, whose syntax the HTML parser does not
 * support.
 */
import type { HtmlElement } from './html.js';

const SKIPPED = /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>/g;
const TAG = /<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*\/?>([^<]*)/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' };

/** In the order in which they begin. */
export function xmlElements(xml: string): HtmlElement[] {
  const bare = xml.replace(SKIPPED, (_whole, data?: string) => (data ?? '').replace(/</g, '&lt;'));
  return Array.from(bare.matchAll(TAG), ([, name, attributes, text]) => ({
    name: name!.toLowerCase(),
    html: true,
    attributes: new Map(
      Array.from(attributes!.matchAll(ATTRIBUTE), ([, key, a, b]) => [key!, decoded(a ?? b ?? '')] as const),
    ),
    head: false,
    inert: false,
    text: name === 'style' ? decoded(text!) : '',
  }));
}

function decoded(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex!, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
