/** Proxies in front of the server. */
import type { ProxyFields } from '../../http/index.js';

export interface ProxyArguments {
  /** Whether the word of a proxy at this address is taken. */
  readonly trusts: (address: string) => boolean;
  /** How they say for whom they ask: fields of a request, or a header before a connection. */
  readonly says: ProxyFields | 'proxy-protocol';
  /** `max-age` of Strict-Transport-Security to those that came to a proxy over HTTPS, seconds; undefined: not sent. */
  readonly hsts: number | undefined;
}
