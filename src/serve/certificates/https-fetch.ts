/** HTTPS over the kernel's sockets, for requests to a certificate authority. */
import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { Fetch, FetchRequest } from '../../acme/protocol/fetch.js';
import { finish, unreachable } from './response.js';

/** Certificates are verified against Node's roots, and those of NODE_EXTRA_CA_CERTS. `roots`: further ones, in PEM. */
export function kernelFetch(roots: string | undefined): Fetch {
  const ca = roots === undefined ? {} : { ca: [...rootCertificates, roots] };
  return ({ method, url, fields, body }: FetchRequest) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    // One connection a request: an order is a dozen of them, every two months.
    const options = { method, headers: { ...fields, ...length }, agent: false as const, ...ca };
    return finish(request(url, options), body, (why) => unreachable(url, why));
  };
}
