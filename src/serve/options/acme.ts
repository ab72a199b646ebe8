/** Options of certificates that are ordered from a certificate authority. */

export type ChallengeKind = 'http-01' | 'tls-alpn-01' | 'dns-01' | 'dns-persist-01';

export interface AcmeArguments {
  /** The address that the authority writes to. */
  readonly email: string;
  /** Names and addresses, a list for each certificate; all of them valid. At least one. */
  readonly certificates: readonly (readonly string[])[];
  /** The authority's terms of service have been agreed to. */
  readonly agreed: boolean;
  /** The address of the authority's directory. */
  readonly directory: string;
  readonly profile: string | undefined;
  /** The key by which the authority identifies its customer. */
  readonly external: { readonly keyId: string; readonly hmacKey: string } | undefined;
  /**
   * False: another host orders; this one answers for the same account, and uses certificates that are copied into its
   * state folder.
   */
  readonly orders: boolean;
  /** The only kind of challenge that is answered; undefined: every kind that ports and zones allow. */
  readonly challenge: ChallengeKind | undefined;
  /** File of certificates that the authority's HTTPS is verified by, beside Node's. */
  readonly roots: string | undefined;
  /** Folder of certificates, keys and plans. */
  readonly state: string;
}
