/**
 * What CAA records may say (RFC 8659): the authority that orders go to, and the account there. It is stored, because
 * the records hold between orders, too, and in programs that order nothing.
 */
import { parseJson } from '../../errors/parse-json.js';
import type { Storage } from './storage.js';

export const AUTHORITY = 'authority.json';

export interface KnownAuthority {
  /** The URL of its directory. */
  readonly directory: string;
  /** Domains by which CAA records name it (RFC 8555 9.7.6). */
  readonly identities: readonly string[];
  /** The URL of the account. */
  readonly account: string;
}

/** Resolves with the text that is stored. Rejects with an `AcmeError` of code `state`. */
export async function rememberAuthority(storage: Storage, known: KnownAuthority): Promise<string> {
  const text = `${JSON.stringify(known, undefined, 2)}\n`;
  if ((await storage.read(AUTHORITY)) !== text) await storage.write(AUTHORITY, text);
  return text;
}

/** What is known of the authority with this directory, in the text that was stored; undefined: nothing. */
export function authorityIn(text: string, directory: string): KnownAuthority | undefined {
  const known = Object(parseJson(text)) as Partial<KnownAuthority>;
  const { identities, account } = known;
  if (known.directory !== directory || typeof account !== 'string' || !Array.isArray(identities)) return undefined;
  return identities.every((one) => typeof one === 'string') ? { directory, identities, account } : undefined;
}

/** The directory of the authority that orders went to, in the text that was stored; undefined: there is none. */
export function directoryIn(text: string): string | undefined {
  const { directory } = Object(parseJson(text)) as Partial<KnownAuthority>;
  return typeof directory === 'string' ? directory : undefined;
}
