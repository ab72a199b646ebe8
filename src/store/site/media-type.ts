/** The `Content-Type` of files. */
import { contentType, lookup } from 'mime-types';
import { cssCharset, htmlCharset, isForeign, xmlCharset } from './charset.js';
import { SOURCE, TEXT_NAMES, textKind, WELL_KNOWN } from './source-types.js';

/** Types for which `mime-types` has no entry, or one that the web does not use. */
const OURS: Readonly<Record<string, string>> = {
  cjs: 'text/javascript',
  feed: 'application/atom+xml',
  topojson: 'application/json',
  svgz: 'image/svg+xml',
  br: 'application/octet-stream',
  zst: 'application/zstd',
};

const DEFAULT = 'application/octet-stream';

/**
 * The `Content-Type` of a file, with its charset, from its name and, for feeds and source text, its first bytes. `mime`
 * has precedence (extension without the dot, in lower case). A file that declares another encoding than UTF-8 gets no
 * charset: the field would overrule the document (RFC 7303 3.2).
 */
export function mediaType(path: string, bytes: Uint8Array, mime: Readonly<Record<string, string>> = {}): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const extension = dot >= 0 ? name.slice(dot + 1).toLowerCase() : '';
  const asked = Object.hasOwn(mime, extension) ? mime[extension] : undefined;
  if (asked) return withCharset(asked, bytes);
  const known = dot < 0 ? typeByName(path, name) : typeByExtension(extension, bytes);
  if (known === undefined) return DEFAULT;
  return withCharset(isFeed(known) || extension === 'xml' ? xmlType(known, bytes) : known, bytes);
}

/** The type of a name without an extension. A name that equals an extension, like `/html`, gets no type from it. */
function typeByName(path: string, name: string): string | undefined {
  const known = /^.*?\/\.well-known\/(.+)$/.exec(path)?.[1];
  if (known !== undefined && Object.hasOwn(WELL_KNOWN, known)) return WELL_KNOWN[known];
  if (name === 'apple-app-site-association') return 'application/json';
  return TEXT_NAMES.has(name) ? 'text/plain' : undefined;
}

function typeByExtension(extension: string, bytes: Uint8Array): string | undefined {
  if (Object.hasOwn(OURS, extension)) return OURS[extension];
  if (SOURCE.has(extension) && textKind(bytes) !== undefined) return 'text/plain';
  return lookup(extension) || undefined;
}

function isFeed(type: string): boolean {
  return type === 'application/atom+xml' || type === 'application/rss+xml';
}

function withCharset(type: string, bytes: Uint8Array): string {
  if (/;\s*charset=/i.test(type)) return type;
  const bare = type.split(';')[0]!.trim().toLowerCase();
  // XML says its encoding itself; with the field it need not be searched for. SVG is XML.
  if (isXml(bare)) return isForeign(xmlCharset(bytes)) ? type : `${type}; charset=utf-8`;
  if (bare === 'text/html' && isForeign(htmlCharset(bytes))) return type;
  if (bare === 'text/css' && isForeign(cssCharset(bytes))) return type;
  if (bare === 'text/plain' && textKind(bytes) === 'other') return type;
  // MathML, OPML and others are XML by names that do not say so; any text may begin with a mark.
  const full = contentType(type) || type;
  return full !== type && isForeign(xmlCharset(bytes)) ? type : full;
}

function isXml(bare: string): boolean {
  return /(?:\+|\/)xml$/.test(bare) || bare === 'text/xsl' || bare === 'application/xml-dtd';
}

/**
 * Feeds are known by their root element. A feed that names a style sheet counts as a page: browsers display XML, but
 * not feeds.
 */
function xmlType(type: string, bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1');
  const bare = head.replace(/<!--[\s\S]*?(?:-->|$)/g, '');
  const root = /<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?=[\s/>])/.exec(bare);
  if (/<\?xml-stylesheet\s/.test(bare.slice(0, root?.index))) return 'application/xml';
  if (isFeed(type)) return type;
  if (root?.[2] === 'feed') return 'application/atom+xml';
  return root?.[2] === 'rss' ? 'application/rss+xml' : 'application/xml';
}

/** Whether files of this type get smaller by compression; other types are already compressed, or unknown. */
export function compressible(type: string): boolean {
  const bare = type.split(';')[0]!.trim().toLowerCase();
  return (
    bare.startsWith('text/') ||
    /(?:\+|\/)(?:xml|json|text|wasm|javascript|ecmascript|x-javascript|rtf|x-sh|postscript|toml|yaml|x-subrip|graphql|sql)$/.test(
      bare,
    ) ||
    /^(?:font\/(?:ttf|otf|collection)|application\/(?:vnd\.ms-fontobject|x-font-ttf|x-tar|wasm|x-ndjson)|image\/(?:bmp|x-ms-bmp|vnd\.microsoft\.icon|x-icon)|model\/(?:obj|gltf-binary|stl)|audio\/midi)$/.test(
      bare,
    )
  );
}
