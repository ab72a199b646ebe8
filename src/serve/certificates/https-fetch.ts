/** HTTPS over the kernel's sockets, for requests to a certificate authority. */
import { request } from 'node:https';
import { type Fetch, type FetchRequest, type FetchResponse, LONGEST_RESPONSE } from '../../acme/protocol/fetch.js';
import { AcmeError } from '../../acme/protocol/problem.js';

/** Milliseconds for one request and its response. */
const PATIENCE = 30_000;

/** Certificates are verified against Node's roots, and those of NODE_EXTRA_CA_CERTS. */
export const httpsFetch: Fetch = ({ method, url, fields, body }: FetchRequest) =>
  new Promise<FetchResponse>((resolve, reject) => {
    const unreachable = (why: string): void =>
      reject(new AcmeError('unreachable', `${new URL(url).host} cannot be asked: ${why}`));
    // One connection a request: an order is a dozen of them, every two months.
    const sent = request(
      url,
      {
        method,
        headers: { ...fields, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
        agent: false,
      },
      (response) => {
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
        response.on('error', (error) => unreachable(error.message));
      },
    );
    const timer = setTimeout(() => sent.destroy(new Error(`no response within ${PATIENCE / 1000} s`)), PATIENCE);
    sent.on('error', (error) => unreachable(error.message));
    sent.on('close', () => clearTimeout(timer));
    sent.end(body);
  });
