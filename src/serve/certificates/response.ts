/** Sends a request with Node's HTTP client, over any connection, and returns the response. */
import type { ClientRequest } from 'node:http';
import { timeText } from '../../acme/keep/times.js';
import { type FetchResponse, LONGEST_RESPONSE } from '../../acme/protocol/fetch.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { codeOf } from '../../errors/codes.js';

/** Milliseconds for one request and its response. */
export const PATIENCE = 30_000;

/** OpenSSL's and Node's codes for a certificate that nobody vouches for (node:tls, X509 certificate error codes). */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

export function unreachable(url: string, why: string): AcmeError {
  return new AcmeError('unreachable', `${new URL(url).host} cannot be asked: ${why}`);
}

/** Of a certificate whose time has not come, or is over: by this machine's clock. */
const OUT_OF_TIME = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

/** For people. */
function reasonOf(error: Error): string {
  const code = codeOf(error) ?? '';
  if (OUT_OF_TIME.has(code)) {
    return `${error.message}, by this machine's clock, which says ${timeText(Date.now())}; set it if that is wrong`;
  }
  if (!UNTRUSTED.has(code)) return error.message;
  return 'its certificate is not trusted, because no root that is trusted has issued it; --acme-roots FILE names more';
}

/** Sends `body` and resolves with the response; rejects with the error that `failure` makes from the reason. */
export function finish(
  sent: ClientRequest,
  body: string | undefined,
  failure: (why: string) => AcmeError,
): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(failure(reasonOf(error)));
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > LONGEST_RESPONSE) sent.destroy(new Error('its response is too long'));
        else parts.push(part);
      });
      response.on('end', () => {
        const found: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(response.headers))
          found[name] = Array.isArray(value) ? value.join(', ') : value;
        resolve({ status: response.statusCode ?? 0, fields: found, body: Buffer.concat(parts).toString('utf8') });
      });
      response.on('error', failed);
    });
    const timer = setTimeout(() => sent.destroy(new Error(`no response within ${PATIENCE / 1000} s`)), PATIENCE);
    sent.on('error', failed);
    sent.on('close', () => clearTimeout(timer));
    sent.end(body);
  });
}
