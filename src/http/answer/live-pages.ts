import type { LivePage } from '../contracts/live-page.js';
import { FIELD, type Fields } from '../parse/fields.js';
import type { Forwarding } from '../parse/forwarded.js';
import { isLocalHost } from '../parse/local-host.js';
import { isText, name } from '../parse/octets.js';
import type { Parsed } from '../parse/parsed.js';
import type { RequestLine } from '../parse/request-line.js';
import { type Page, plainPage } from './pages.js';

/** What proxies add: RFC 7239, RFC 9110 7.6.3, and the fields by which makers of proxies name client and request. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-original-forwarded-for',
  'x-original-host',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cdn-loop',
  'cf-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'x-amzn-trace-id',
  'x-arr-log-id',
  'x-azure-clientip',
  'x-envoy-external-address',
  'x-proxyuser-ip',
].map(name);

/** Loopback, in IPv4 and IPv6. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

/**
 * Whether `Host`, and the host of a target in absolute form, are free of names that an attacker could have pointed at
 * this machine. The target overrules `Host` (RFC 9112 3.2.2), which a proxy on the way may have written.
 */
export function asksLocally(bytes: Uint8Array, line: RequestLine, fields: Fields): boolean {
  if (line.hostEnd > line.hostStart && !isLocalHost(bytes, line.hostStart, line.hostEnd)) return false;
  return fields.has(FIELD.host) && isLocalHost(fields.bytes, fields.start(FIELD.host), fields.end(FIELD.host));
}

export class LivePages {
  readonly #pages: readonly LivePage[];
  readonly #forwarding: Forwarding | undefined;
  /** Whether the page that was found last is left out of the log. */
  quiet = false;

  /** `forwarding`: the proxies that are trusted. Throws a `RangeError` when a path is not as it must be. */
  constructor(pages: readonly LivePage[], forwarding: Forwarding | undefined) {
    for (const { path } of pages) {
      if (!/^(\/[\w!$&'()*+,;=:@~.-]+)+$/.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
        throw new RangeError(
          `path of a live page: an absolute one like /metrics expected, got ${JSON.stringify(path)}`,
        );
      }
    }
    this.#pages = pages;
    this.#forwarding = forwarding;
  }

  /** Whether there is one at the path `bytes[start..end)`, for any client. */
  at(bytes: Uint8Array, start: number, end: number): boolean {
    for (const { path } of this.#pages) if (isText(bytes, start, end, path)) return true;
    return false;
  }

  /** The page at the path `path[start..end)` that the client may see, made now. */
  find(
    path: Uint8Array,
    start: number,
    end: number,
    remote: { readonly address: string },
    { bytes, line, fields }: Parsed,
  ): Page | undefined {
    const forwarding = this.#forwarding;
    for (const page of this.#pages) {
      if (!isText(path, start, end, page.path)) continue;
      const { permits } = page;
      if (permits !== undefined) {
        const client = forwarding?.client(remote.address, fields) ?? remote.address;
        // For a trusted proxy that names its client, the client's address decides. Behind any other proxy there could
        // be any client. When the named address is the proxy's own, the request may be the proxy's or a client's.
        const told = forwarding?.trusts(remote.address) === true && client !== remote.address;
        if (!permits(client) || (!told && FORWARDED.some((one) => fields.named(one)))) return undefined;
        if (!asksLocally(bytes, line, fields)) return undefined;
      }
      this.quiet = page.quiet === true;
      const answer = page.render();
      return plainPage(answer.status, answer.contentType, answer.body);
    }
    return undefined;
  }
}
