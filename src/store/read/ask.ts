/**
 * A text interface of a store, for code outside of our server: a handler behind `node:http`, a test, a service worker.
 */
import type { Coding, Extent, Lookup, Representation, Resource, Store } from '../store.js';

/** The answer of a store for one path. */
export interface StoreAnswer {
  /** The status of the answer: 200, a redirect's, 404 or the status of a site's rule. */
  readonly status: number;
  /** Fields in order, names as they are sent. Without `Date` and `Connection`, which a server adds. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The content; it must not be changed. Empty for a redirect. */
  readonly body: Uint8Array;
  /** The stored path: `/blog/index.html`; undefined: the path leads to no file. */
  readonly path: string | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');
const nothing = new Uint8Array(0);

/**
 * Looks `path` up: decoded, absolute, without query, like `/blog/`. `coding`: the representation wanted, where there is
 * one; identity otherwise. Throws a `TypeError` when `path` does not begin with a slash.
 */
export function askStore(store: Store, path: string, coding: Coding = 'identity'): StoreAnswer {
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new TypeError(`path: ${JSON.stringify(path)} does not begin with a slash`);
  const bytes = encoder.encode(path);
  const found = store.lookup(bytes, 0, bytes.length);
  if (found.kind === 'redirect') return redirection(found);
  const resource = found.kind === 'resource' ? found.resource : found.page;
  if (resource === undefined) {
    const own = found.kind === 'missing' ? (found.fields ?? '') : '';
    return { status: 404, fields: fieldsOf(own), body: nothing, path: undefined };
  }
  return content(resource, coding);
}

function redirection({ status, location, fields }: Extract<Lookup, { kind: 'redirect' }>): StoreAnswer {
  return { status, fields: [['Location', location], ...fieldsOf(fields ?? '')], body: nothing, path: undefined };
}

function content(resource: Resource, coding: Coding): StoreAnswer {
  const { representations } = resource;
  const chosen = representations.find((one) => one.coding === coding) ?? (representations[0] as Representation);
  const head = textOf(chosen.headOk);
  const end = head.indexOf('\r\n');
  // `HTTP/1.1 200 OK`
  const status = Number(head.slice(9, 12));
  return { status, fields: fieldsOf(head.slice(end + 2)), body: bytesOf(chosen.body), path: resource.path };
}

function bytesOf({ memory, start, end }: Extent): Uint8Array {
  return memory.bytes.subarray(start, end);
}

function textOf(extent: Extent): string {
  return decoder.decode(bytesOf(extent));
}

/** Field lines, each ended by CRLF. */
function fieldsOf(lines: string): [name: string, value: string][] {
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}
