/**
 * Response heads, rendered when a bundle is made: status line and fields, each line ended by CRLF, without `Date`,
 * `Connection` and the empty line.
 */
import type { Coding, Resource } from '../store.js';

export interface Field {
  readonly name: string;
  readonly value: string;
}

/** The fields that all representations of a resource share, from policy and the rules of the site. */
export interface ResourceFields {
  readonly contentType: string;
  readonly language: string | undefined;
  /** Seconds since 1970 when the file was changed last. */
  readonly modified: number | undefined;
  /** Value of `Link`. */
  readonly link: string | undefined;
  readonly cacheControl: string | undefined;
  /** Members of `Vary`; `Accept-Encoding` among them when there are several representations. */
  readonly vary: readonly string[];
  /** From rules of the site: on 304 and 412, too. */
  readonly site: readonly Field[];
  /** Defaults: on answers with content only, since a stored answer keeps them. */
  readonly standard: readonly Field[];
}

export interface Heads {
  readonly ok: string;
  readonly notModified: string;
  readonly partial: string;
  readonly failed: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  404: 'Not Found',
  410: 'Gone',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The heads of one representation of `length` bytes. With a status other than 200 all four are that one. */
export function renderHeads(
  fields: ResourceFields,
  status: number,
  coding: Coding,
  length: number,
  etag: string,
): Heads {
  const line = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Unknown'}\r\n`;
  const type = `Content-Type: ${fields.contentType}\r\n`;
  const size = `Content-Length: ${length}\r\n`;
  const tag = `ETag: ${etag}\r\n`;
  const modified =
    fields.modified === undefined ? '' : `Last-Modified: ${new Date(fields.modified * 1000).toUTCString()}\r\n`;
  const encoding = coding === 'identity' ? '' : `Content-Encoding: ${coding}\r\n`;
  const language = fields.language === undefined ? '' : `Content-Language: ${fields.language}\r\n`;
  const link = fields.link === undefined ? '' : `Link: ${fields.link}\r\n`;
  const vary = fields.vary.length > 0 ? `Vary: ${fields.vary.join(', ')}\r\n` : '';
  const cache = fields.cacheControl === undefined ? '' : `Cache-Control: ${fields.cacheControl}\r\n`;
  const site = lines(fields.site);
  const standard = lines(fields.standard);
  if (status !== 200) {
    // A condition or a range is about the selected representation of a 200 (RFC 9110 13.2.1, 14.2): an error page has
    // neither.
    const ok = line + type + size + encoding + language + vary + cache + standard + link + site;
    return { ok, notModified: ok, partial: ok, failed: ok };
  }
  return {
    ok: `${line}${type}${size}${tag}${modified}${encoding}${language}${vary}Accept-Ranges: bytes\r\n${cache}${standard}${link}${site}`,
    // RFC 9110 15.4.5: Content-Location, Date, ETag, Vary, Cache-Control and Expires, as a 200 would have them. Beyond
    // these only fields that the site itself sets, which update the stored answer.
    notModified: `HTTP/1.1 304 Not Modified\r\n${tag}${vary}${cache}${site}`,
    partial: `HTTP/1.1 206 Partial Content\r\n${tag}${modified}${encoding}${language}${vary}Accept-Ranges: bytes\r\n${cache}${standard}${site}`,
    failed: `HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n${tag}${vary}${site}`,
  };
}

/** Whether the heads of `resource` say that it never changes (RFC 8246 2). */
export function saysImmutable({ representations }: Resource): boolean {
  const { memory, start, end } = representations[0]!.headOk;
  const head = Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset + start, end - start).toString('latin1');
  return /\r\ncache-control:[^\r]*\bimmutable\b/i.test(head);
}

/** `103 Early Hints` (RFC 8297), complete; undefined: there are no hints. */
export function renderHints(fields: ResourceFields): string | undefined {
  return fields.link === undefined ? undefined : `HTTP/1.1 103 Early Hints\r\nLink: ${fields.link}\r\n\r\n`;
}

export function lines(fields: readonly Field[]): string {
  let out = '';
  for (const field of fields) out += `${field.name}: ${field.value}\r\n`;
  return out;
}
