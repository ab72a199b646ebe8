/** Options of HTTPS. */

export interface TlsArguments {
  /**
   * PEM files, the first pair for clients that ask for no name. Empty: those that are ordered, or a self-signed one.
   */
  readonly files: readonly { readonly certificate: string; readonly key: string }[];
  readonly port: number;
  /** The HTTP port redirects to HTTPS; false: it serves the site, too. */
  readonly redirect: boolean;
  /** `max-age` of Strict-Transport-Security, seconds; undefined: the field is not sent. */
  readonly hsts: number | undefined;
  /** The oldest supported version. */
  readonly min: '1.2' | '1.3';
  /** The implementation of TLS 1.3; TLS 1.2 is always OpenSSL's. */
  readonly engine: 'own' | 'openssl';
  /** Early data of TLS 1.3 is taken (RFC 8446 2.3). */
  readonly earlyData: boolean;
}
