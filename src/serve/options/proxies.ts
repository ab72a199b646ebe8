/** Proxies in front of the server. */
import type { ProxyFields } from '../../http/index.js';

export interface ProxyArguments {
  /** Whether a proxy at this address is trusted. */
  readonly trusts: (address: string) => boolean;
  /** How they name their client: in fields of a request, or in a header before a connection. */
  readonly says: ProxyFields | 'proxy-protocol';
  /** `max-age` of Strict-Transport-Security to those that came to a proxy over HTTPS, seconds; undefined: not sent. */
  readonly hsts: number | undefined;
}
