/** How a name is proven to be ours (RFC 8555 8): one interface, a file for each kind of challenge. */
import type { Identifier } from '../der/names.js';

export interface Proof {
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly token: string;
  /** RFC 8555 8.1: the token, a dot, the thumbprint of the account's key. */
  readonly keyAuthorization: string;
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
