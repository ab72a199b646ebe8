/** CAA records of `@SELF`: the authority that the certificates are ordered from, and the account alone (RFC 8657 3). */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AUTHORITY, authorityIn, type KnownAuthority } from '../../acme/state/authority-state.js';
import { isSystemError } from '../../errors/codes.js';
import type { AcmeArguments } from '../options/acme.js';

/** RFC 8659 4.2: what stands in a parameter; another account's URL is left out. */
const PARAMETER = /^[\x21-\x3a\x3c-\x7e]+$/;
const ISSUE = new TextEncoder().encode('issue');

/** As `ownCaa`, out of what another process tells: the text that is stored, or undefined. */
export function toldCaa({ directory }: AcmeArguments, text: () => string | undefined): () => readonly Uint8Array[] {
  let last: string | undefined;
  let data: readonly Uint8Array[] = [];
  return () => {
    const now = text();
    if (now === last || now === undefined) return data;
    last = now;
    const known = authorityIn(now, directory);
    data = known === undefined ? [] : caaOf(known);
    return data;
  };
}

/** The records' data at present; none until an account is known. A look costs one call while nothing changes. */
export function ownCaa({ state, directory }: AcmeArguments): () => readonly Uint8Array[] {
  const file = join(state, AUTHORITY);
  let looked = -1;
  let data: readonly Uint8Array[] = [];
  return () => {
    try {
      const { mtimeMs } = statSync(file);
      if (mtimeMs !== looked) {
        const known = authorityIn(readFileSync(file, 'utf8'), directory);
        data = known === undefined ? [] : caaOf(known);
        looked = mtimeMs;
      }
    } catch (error) {
      // There was no order yet; or the file cannot be read at present, and the records stay.
      if (!isSystemError(error)) throw error;
    }
    return data;
  };
}

/** RFC 8659 4.1: flags, the length of the tag, the tag, the value. */
export function caaOf({ identities, account }: KnownAuthority): Uint8Array[] {
  const only = PARAMETER.test(account) ? `; accounturi=${account}` : '';
  return identities.map((one) =>
    Uint8Array.of(0, ISSUE.length, ...ISSUE, ...new TextEncoder().encode(`${one}${only}`)),
  );
}
