import { contentType, lookup } from 'mime-types';

/** Where `mime-types` has nothing, or something that the web does not use. */
const OURS: Readonly<Record<string, string>> = {
  cjs: 'text/javascript; charset=utf-8',
  feed: 'application/atom+xml; charset=utf-8',
  topojson: 'application/json; charset=utf-8',
  // MPEG transport streams have this extension too, but in a site of today it is source text that a page links to.
  ts: 'text/plain; charset=utf-8',
  mts: 'text/plain; charset=utf-8',
  tsx: 'text/plain; charset=utf-8',
  jsx: 'text/plain; charset=utf-8',
  md5: 'text/plain; charset=utf-8',
  sha1: 'text/plain; charset=utf-8',
  sha256: 'text/plain; charset=utf-8',
  sha512: 'text/plain; charset=utf-8',
  br: 'application/octet-stream',
  zst: 'application/zstd',
};

/** Names without an extension that have a meaning. */
const BY_NAME: Readonly<Record<string, string>> = {
  CNAME: 'text/plain; charset=utf-8',
  LICENSE: 'text/plain; charset=utf-8',
  LICENCE: 'text/plain; charset=utf-8',
  COPYING: 'text/plain; charset=utf-8',
  README: 'text/plain; charset=utf-8',
  CHANGELOG: 'text/plain; charset=utf-8',
  NOTICE: 'text/plain; charset=utf-8',
  AUTHORS: 'text/plain; charset=utf-8',
  'apple-app-site-association': 'application/json; charset=utf-8',
};

const DEFAULT = 'application/octet-stream';

/**
 * The `Content-Type` of a file, with its charset, out of its name and, for feeds, its first bytes. `mime` goes before all
 * (extension without the dot, in lower case).
 */
export function mediaType(path: string, bytes: Uint8Array, mime: Readonly<Record<string, string>> = {}): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const extension = dot >= 0 ? name.slice(dot + 1).toLowerCase() : '';
  const asked = Object.hasOwn(mime, extension) ? mime[extension] : undefined;
  if (asked) return withCharset(asked);
  if (extension === 'xml') return xmlType(bytes);
  if (Object.hasOwn(OURS, extension)) return OURS[extension]!;
  if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name]!;
  // A name that is an extension, like `/html`, has no type by it.
  if (dot < 0) return DEFAULT;
  const type = lookup(extension);
  return type ? withCharset(type) : DEFAULT;
}

function withCharset(type: string): string {
  if (/;\s*charset=/i.test(type)) return type;
  const bare = type.split(';')[0]!.trim().toLowerCase();
  const full = contentType(type);
  // XML says its encoding itself; with the field it need not be searched for. SVG is XML.
  if (/(?:\+|\/)xml$/.test(bare)) return `${type}; charset=utf-8`;
  return full || type;
}

const ATOM = 'application/atom+xml; charset=utf-8';
const RSS = 'application/rss+xml; charset=utf-8';

/** Feeds are known by their root element; a document in another encoding keeps its own word on that. */
function xmlType(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1');
  const declared = /^(?:ï»¿)?\s*<\?xml[^>]*\sencoding=["']([\w.:-]+)["']/.exec(head)?.[1]?.toLowerCase();
  const foreign =
    (declared !== undefined && declared !== 'utf-8' && declared !== 'us-ascii') || /^(?:\xff\xfe|\xfe\xff)/.test(head);
  const root = /<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?=[\s/>])/.exec(head.replace(/<!--[\s\S]*?(?:-->|$)/g, ''));
  let type = 'application/xml; charset=utf-8';
  if (root?.[2] === 'feed') type = ATOM;
  else if (root?.[2] === 'rss') type = RSS;
  return foreign ? type.replace('; charset=utf-8', '') : type;
}

/** Whether files of this type get smaller by compression; what is not in here is compressed already, or unknown. */
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
