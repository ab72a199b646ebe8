/** Where a redirect of a request leads. */
import { latin1 } from '../parse/octets.js';
import type { RequestLine } from '../parse/request-line.js';
import { uriText } from '../parse/uri-text.js';

/**
 * `location` with the query of the request, which is appended before a fragment, unless the target has a query of its
 * own.
 */
export function withQuery(location: string, bytes: Uint8Array, line: RequestLine): string {
  // With its question mark, or empty.
  const query = latin1(bytes, line.pathEnd, line.targetEnd);
  if (query === '' || location.includes('?')) return location;
  const encoded = uriText(query);
  const fragment = location.indexOf('#');
  return fragment < 0 ? location + encoded : location.slice(0, fragment) + encoded + location.slice(fragment);
}
