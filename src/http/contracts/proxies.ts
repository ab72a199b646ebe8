/** Proxies in front of a server, and what is believed of them. */

/** Which fields the proxies write: others may be a client's that no proxy looked at. */
export type ProxyFields = 'x-forwarded' | 'forwarded';

export interface Proxies {
  /** Whether the word of a proxy at this address is taken. */
  readonly trusts: (address: string) => boolean;
  readonly fields: ProxyFields;
  /** `max-age` of Strict-Transport-Security to those that came to a proxy over HTTPS; undefined: not sent. */
  readonly hsts?: number | undefined;
}
