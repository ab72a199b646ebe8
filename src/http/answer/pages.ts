import { Memory } from '../../memory/memory.js';
import type { Extent } from '../../store/store.js';

/** What this server does with a resource, in the order that it lists them. */
export const ALLOW = 'GET, HEAD, OPTIONS';

const REASONS: Readonly<Record<number, readonly [reason: string, explanation: string]>> = {
  400: ['Bad Request', 'The request was not understood: something in it is not HTTP as it is defined.'],
  404: ['Not Found', 'There is nothing at this address. It may have moved, or the link may be wrong.'],
  405: ['Method Not Allowed', 'Pages here can be read, but not changed.'],
  406: ['Not Acceptable', 'There is no form of this page that your client says it accepts.'],
  408: ['Request Timeout', 'The request did not arrive in time. Please try again.'],
  413: ['Content Too Large', 'The request brought more content than this server takes.'],
  414: ['URI Too Long', 'The address is longer than this server takes.'],
  416: ['Range Not Satisfiable', 'The part that was asked for lies behind the end.'],
  417: ['Expectation Failed', 'The request expects something that this server does not do.'],
  421: ['Misdirected Request', 'This connection does not answer for the address that was asked for.'],
  425: ['Too Early', 'The request came before the connection was proven. Please send it again.'],
  431: ['Request Header Fields Too Large', 'The request has more, or longer, header fields than this server takes.'],
  500: ['Internal Server Error', 'Something went wrong here. It is not your doing.'],
  501: ['Not Implemented', 'The request asks for something that this server does not know.'],
  503: ['Service Unavailable', 'Too many are here at once. Please try again in a little while.'],
  505: ['HTTP Version Not Supported', 'This server speaks HTTP/1.1.'],
};

/**
 * Fields that all pages of the server itself carry: no resource is loaded, no other page embeds them, no cache keeps
 * them.
 */
const COMMON: readonly string[] = [
  'Content-Type: text/html; charset=utf-8\r\n',
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
  'X-Content-Type-Options: nosniff\r\n',
  'Referrer-Policy: no-referrer\r\n',
];

/** `ours` and `theirs`, lines that each end in CRLF: a field of the site replaces the server's own field. */
function merged(ours: readonly string[], theirs: string): string {
  if (theirs === '') return ours.join('');
  const taken = new Set(theirs.split('\r\n').map(nameOf));
  return ours.filter((line) => !taken.has(nameOf(line))).join('') + theirs;
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).toLowerCase();
}

const STYLE =
  ':root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto 0;padding:0 1.5rem}' +
  'h1{font-size:1.5rem;font-weight:600}h1 span{opacity:.45;font-weight:400;margin-right:.6rem}';

/** A finished answer but for its tail. */
export interface Page {
  readonly status: number;
  readonly head: Extent;
  /** Behind the head, in the same memory. */
  readonly body: Extent;
  /** Made once, for many answers. */
  readonly kept?: boolean;
}

const encoder = new TextEncoder();

function document(status: number, title: string, text: string): Uint8Array {
  return encoder.encode(
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
      `<title>${status} ${title}</title><style>${STYLE}</style>\n<h1><span>${status}</span>${title}</h1>\n<p>${text}</p>\n</html>\n`,
  );
}

function join(status: number, reason: string, fields: readonly string[], site: string, content: Uint8Array): Page {
  const lines = merged([...COMMON, ...fields], site);
  const head = encoder.encode(`HTTP/1.1 ${status} ${reason}\r\n${lines}Content-Length: ${content.length}\r\n`);
  return page(status, head, content);
}

function page(status: number, head: Uint8Array, content: Uint8Array): Page {
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  const memory = new Memory(bytes);
  return {
    status,
    head: { memory, start: 0, end: head.length },
    body: { memory, start: head.length, end: bytes.length },
  };
}

/**
 * A page of the server itself, with field lines of its own and of the site, which each end in CRLF. An error is not
 * cached, even where the site allows it for the resource. For a status that is not an error: its reason and text.
 */
export function errorPage(status: number, fields: readonly string[] = [], site = ''): Page {
  const [reason, text] = REASONS[status] ?? REASONS[500]!;
  const kept = site.replace(/^cache-control:.*\r\n/gim, '');
  return join(status, reason, ['Cache-Control: no-store\r\n', ...fields], kept, document(status, reason, text));
}

/** An answer with content of any type that no cache keeps. */
export function plainPage(status: 200 | 503, contentType: string, body: string): Page {
  const content = encoder.encode(body);
  const head = encoder.encode(
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Service Unavailable'}\r\nContent-Type: ${contentType}\r\n` +
      `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ${content.length}\r\n`,
  );
  return page(status, head, content);
}

const MOVED: Readonly<Record<number, string>> = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Characters; a page does not repeat a longer location that it redirects to. */
const LONGEST_LINK = 1024;

/** `location` must hold no control characters. `site`: field lines of the site for this path. */
export function redirectPage(status: number, location: string, site = ''): Page {
  const reason = MOVED[status] ?? MOVED[302]!;
  const link = location.length > LONGEST_LINK ? '' : escaped(location);
  const text = link === '' ? 'The page is at another address.' : `The page is at <a href="${link}">${link}</a>.`;
  return join(status, reason, [`Location: ${location}\r\n`], site, document(status, reason, text));
}

/** The pages that every server needs, rendered once; those with fields of a site each time. */
export class Pages {
  readonly #pages = new Map<number, Page>();
  readonly #retryAfter: number;

  constructor(retryAfterSeconds: number) {
    this.#retryAfter = retryAfterSeconds;
    for (const key of Object.keys(REASONS))
      this.#pages.set(Number(key), { ...this.#make(Number(key), ''), kept: true });
  }

  get(status: number, site = ''): Page {
    if (site !== '') return this.#make(status, site);
    return this.#pages.get(status) ?? this.#pages.get(500)!;
  }

  #make(status: number, site: string): Page {
    const own: string[] = [];
    if (status === 405) own.push(`Allow: ${ALLOW}\r\n`);
    if (status === 406) own.push('Vary: Accept-Encoding\r\n');
    if (status === 503) own.push(`Retry-After: ${this.#retryAfter}\r\n`);
    return errorPage(status, own, site);
  }
}
