/** The request by which a certificate authority verifies control of this host: over plain HTTP (RFC 8555 8.3). */
import { isText, latin1 } from '../parse/octets.js';
import { type Page, plainPage } from './pages.js';

export const ACME_CHALLENGE = '/.well-known/acme-challenge/';
/** RFC 8555 8.1: base64url. Any other text there is not a token, and is not repeated in an answer. */
const TOKEN = /^[\w-]{1,128}$/;

/** The page at the path `bytes[start..end)`; undefined: it is not the path of a challenge, or `answer` has none. */
export function challengePage(
  answer: (token: string) => string | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
): Page | undefined {
  const at = start + ACME_CHALLENGE.length;
  if (end - at < 1 || end - at > 128 || !isText(bytes, start, at, ACME_CHALLENGE)) return undefined;
  const token = latin1(bytes, at, end);
  const text = TOKEN.test(token) ? answer(token) : undefined;
  return text === undefined ? undefined : plainPage(200, 'application/octet-stream', text);
}
