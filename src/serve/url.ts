/** Where a server serves, for people to open. */
import type { Listener, Network } from '../net/flow.js';

/** Where it serves: the first of its addresses. */
export function addressOf(network: Network, listener: Listener, scheme: Scheme = 'http'): string {
  const { address, port } = listener.endpoint;
  return urlOf(network.address ?? address, port, scheme);
}

export type Scheme = 'http' | 'https';

/** `http://10.0.0.7/`, with the port unless it is that of the scheme. */
export function urlOf(address: string, port: number, scheme: Scheme = 'http'): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === (scheme === 'http' ? 80 : 443) ? `${scheme}://${host}/` : `${scheme}://${host}:${port}/`;
}
