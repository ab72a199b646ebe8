import type { Lookup, Store } from '../../store/store.js';
import { FIELD, type Fields } from '../parse/fields.js';
import { isText, latin1, SLASH } from '../parse/octets.js';
import type { RequestLine } from '../parse/request-line.js';
import type { OtherOrigin } from './other-origin.js';

const OUTSIDE: Lookup = { kind: 'missing', page: undefined };

/** The store for each host, and the path below which it answers. */
export class Sites {
  readonly #store: () => Store;
  readonly #hosts: ReadonlyMap<string, () => Store> | undefined;
  readonly #base: string;
  readonly #toBase: Lookup;
  readonly #otherOrigin: OtherOrigin | undefined;

  /** Throws a `RangeError` when a host or the base is not as `HttpOptions` has it. */
  constructor(
    store: () => Store,
    hosts: Readonly<Record<string, () => Store>> | undefined,
    base: string | undefined = '',
    otherOrigin?: OtherOrigin,
  ) {
    if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(base) || /\/\.{1,2}(\/|$)/.test(base)) {
      throw new RangeError(`base: a path like /docs expected, without a slash at its end; got ${JSON.stringify(base)}`);
    }
    for (const host of Object.keys(hosts ?? {})) {
      if (!/^[a-z0-9._[\]:-]+$/.test(host) || /[^:\]]:\d*$/.test(host)) {
        throw new RangeError(`host: a name in small letters without a port expected, got ${JSON.stringify(host)}`);
      }
    }
    this.#store = store;
    this.#hosts = hosts === undefined ? undefined : new Map(Object.entries(hosts));
    this.#base = base;
    this.#otherOrigin = otherOrigin;
    this.#toBase = { kind: 'redirect', status: 301, location: `${base}/` };
  }

  /** The store of all requests; undefined where some requests have another store, or are redirected to another host. */
  get only(): Store | undefined {
    return this.#hosts === undefined && this.#otherOrigin === undefined ? this.#store() : undefined;
  }

  /** The store of the host that the request is for: the target's, if it names one, else the field's (RFC 9112 3.3). */
  storeFor(bytes: Uint8Array, line: RequestLine, fields: Fields): Store {
    if (this.#hosts === undefined) return this.#store();
    return (this.#hosts.get(this.#hostOf(bytes, line, fields)) ?? this.#store)();
  }

  /** The absolute address to which the request is sent instead; undefined: it is answered here. */
  otherOrigin(bytes: Uint8Array, line: RequestLine, fields: Fields, scheme: string | undefined): string | undefined {
    if (this.#otherOrigin === undefined || this.#hosts?.has(this.#hostOf(bytes, line, fields))) return undefined;
    return this.#otherOrigin.location(bytes, line, fields, scheme);
  }

  #hostOf(bytes: Uint8Array, line: RequestLine, fields: Fields): string {
    const host =
      line.hostEnd > line.hostStart
        ? latin1(bytes, line.hostStart, line.hostEnd)
        : fields.has(FIELD.host)
          ? latin1(fields.bytes, fields.start(FIELD.host), fields.end(FIELD.host))
          : '';
    return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  }

  /** What the normalised path `bytes[start..end)` leads to. */
  lookup(store: Store, bytes: Uint8Array, start: number, end: number): Lookup {
    const base = this.#base;
    if (base === '') return store.lookup(bytes, start, end);
    const at = start + base.length;
    if (at > end || !isText(bytes, start, at, base)) return OUTSIDE;
    if (at === end) return this.#toBase;
    if (bytes[at] !== SLASH) return OUTSIDE;
    const found = store.lookup(bytes, at, end);
    if (found.kind !== 'redirect' || !/^\/(?!\/)/.test(found.location)) return found;
    return { ...found, location: base + found.location };
  }
}
