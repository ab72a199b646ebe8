/** Proxies in front of a server, and which fields of theirs are trusted. */

/** The fields that the proxies write: other fields may come from a client, unchecked by a proxy. */
export type ProxyFields = 'x-forwarded' | 'forwarded';

export interface Proxies {
  /** Whether a proxy at this address is trusted. */
  readonly trusts: (address: string) => boolean;
  readonly fields: ProxyFields;
  /** `max-age` of Strict-Transport-Security to those that came to a proxy over HTTPS; undefined: not sent. */
  readonly hsts?: number | undefined;
}
