/** What a certificate authority offers (RFC 8555 7.1.1). */
import { AcmeError } from './problem.js';

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string;
  /** Other keys for accounts (RFC 8555 7.3.5); undefined: not offered. */
  readonly keyChange: string | undefined;
  /** Renewal information (RFC 9773); undefined: not offered. */
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
  /** Host names by which CAA records know the CA (RFC 8659); none: it does not say. */
  readonly caaIdentities: readonly string[];
  readonly externalAccountRequired: boolean;
  /** What hashes of accounts begin with (draft-ietf-acme-dns-persist-02 4.1); undefined: there are none. */
  readonly accountHashPrefix: string | undefined;
  /** Kinds of certificates by name, each with what it is. */
  readonly profiles: ReadonlyMap<string, string>;
}

const MOST_ENTRIES = 50;

/** Throws an `AcmeError` when an address that is needed is missing. */
export function readDirectory(value: unknown): Directory {
  const entries = value as Readonly<Record<string, unknown>>;
  const meta = Object(entries['meta']) as Readonly<Record<string, unknown>>;
  const url = (name: string): string => {
    const found = entries[name];
    if (typeof found !== 'string')
      throw new AcmeError(
        'malformed-response',
        `the directory of the certificate authority has no ${name}; is its address right?`,
      );
    return found;
  };
  const { keyChange, renewalInfo } = entries;
  const { termsOfService, caaIdentities, externalAccountRequired, profiles, accountHashPrefix } = meta;
  return {
    newNonce: url('newNonce'),
    newAccount: url('newAccount'),
    newOrder: url('newOrder'),
    revokeCert: url('revokeCert'),
    keyChange: typeof keyChange === 'string' ? keyChange : undefined,
    renewalInfo: typeof renewalInfo === 'string' ? renewalInfo : undefined,
    termsOfService: typeof termsOfService === 'string' ? termsOfService : undefined,
    caaIdentities: Array.isArray(caaIdentities)
      ? caaIdentities.filter((one) => typeof one === 'string').slice(0, MOST_ENTRIES)
      : [],
    externalAccountRequired: externalAccountRequired === true,
    accountHashPrefix: typeof accountHashPrefix === 'string' ? accountHashPrefix : undefined,
    profiles: new Map(
      Object.entries(Object(profiles))
        .slice(0, MOST_ENTRIES)
        .map(([name, about]) => [name, String(about)]),
    ),
  };
}
