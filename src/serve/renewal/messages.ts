/**
 * What a server and the process that orders its certificates tell one another: one JSON object a line. The process that
 * orders has the account's key, and takes what comes from the server for a stranger's: every message is looked at.
 */
import type { CaaRecord } from '../../acme/order/ready.js';

/** From the process that orders. */
export type ToServer =
  /** It has begun: what was asked of the one before it is void. */
  | { readonly do: 'hello' }
  | { readonly do: 'warn' | 'event'; readonly text: string }
  /** What is stored is in use; or, for people, why nothing can be ordered. */
  | { readonly do: 'ready'; readonly failure?: string }
  /** The account's thumbprint; what is known of the authority, as it is stored. */
  | { readonly do: 'thumbprint' | 'authority'; readonly text: string }
  /** Chain and key that `source` has now, in PEM. */
  | { readonly do: 'certificate'; readonly source: string; readonly pem: string }
  /** The certificate that answers tls-alpn-01 for a name; without `pem` there is none any more. */
  | { readonly do: 'challenge'; readonly name: string; readonly pem?: string }
  /** A TXT record that proves a name is served; or no longer. */
  | { readonly do: 'present' | 'withdraw'; readonly name: string; readonly value: string }
  // In direct mode
  | { readonly do: 'addresses' | 'caa'; readonly name: string }
  | { readonly do: 'look-from-outside'; readonly address: string; readonly name: string; readonly token: string }
  /** A connection to a host, for HTTPS; `data`: bytes in Base64; the end of what is sent. */
  | { readonly do: 'open'; readonly stream: number; readonly host: string; readonly port: number }
  | { readonly do: 'bytes'; readonly stream: number; readonly data: string }
  | { readonly do: 'end'; readonly stream: number };

/** From the server. */
export type ToOrderer =
  /** It serves: orders may be made. `owned`: names whose zones it has. */
  | { readonly do: 'begin'; readonly owned: readonly string[] }
  /** The zones were read again. */
  | { readonly do: 'owned'; readonly owned: readonly string[] }
  /** A person has changed something. */
  | { readonly do: 'look' }
  | { readonly do: 'bytes'; readonly stream: number; readonly data: string }
  | { readonly do: 'end'; readonly stream: number };

/** Whether `value` has, for each name, what is wanted of it. */
export function hasTexts(value: unknown, ...names: readonly string[]): value is Record<string, string> {
  const fields = Object(value) as Record<string, unknown>;
  return names.every((name) => typeof fields[name] === 'string');
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** The CAA records in what the server says that it has found. */
export function caaIn(value: unknown): CaaRecord[] {
  return (Array.isArray(value) ? value : [])
    .filter((one) => hasTexts(one, 'tag', 'value'))
    .map(({ critical, tag, value: text }) => ({ critical: (critical as unknown) === true, tag: tag!, value: text! }));
}
