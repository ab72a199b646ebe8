/** How a name is proven to be ours (RFC 8555 8): one interface, a file for each kind of challenge. */
import type { Identifier } from '../der/names.js';

/** What kinds with a key authorization are proven by. */
export interface KeyProof {
  /** Without `*.`. */
  readonly identifier: Identifier;
  /** Empty where the kind of challenge has none. */
  readonly token: string;
  /** RFC 8555 8.1: the token, a dot, the thumbprint of the account's key. */
  readonly keyAuthorization: string;
}

export interface Proof extends KeyProof {
  /** The certificate is to have `*.` before it. */
  readonly wildcard: boolean;
  /** Names by which the authority is known in the DNS; none but for dns-persist-01. */
  readonly issuers: readonly string[];
  readonly account: {
    readonly url: string;
    readonly thumbprint: string;
    /** What hashes of accounts begin with; undefined: accounts are named by their address. */
    readonly hashPrefix: string | undefined;
  };
}

export interface Authority {
  /** As the CA names it: `http-01`. */
  readonly type: string;
  /** Whether names like this one can be proven so. */
  proves(identifier: Identifier, wildcard: boolean): boolean;
  /** From when this resolves to `withdraw`, the CA finds what it looks for. */
  prepare(proof: Proof): Promise<void>;
  /** Called once for every `prepare`, also for one that failed. Does not reject. */
  withdraw(proof: Proof): Promise<void>;
}
