/** Where a server serves, for people to open. */
import type { Listener, Network } from '../net/flow.js';

/** Where it serves. */
export function addressOf(network: Network, listener: Listener): string {
  const { address, port } = listener.endpoint;
  return urlOf(network.address ?? address, port);
}

/** `http://10.0.0.7/`, with the port unless it is 80. */
export function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 80 ? `http://${host}/` : `http://${host}:${port}/`;
}
