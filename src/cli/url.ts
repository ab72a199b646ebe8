/** Where a server serves, for people to open. */
import type { Listener, Network } from '../net/flow.js';

/** Where it serves: the first of its addresses. */
export function addressOf(network: Network, listener: Listener): string {
  const { address, port } = listener.endpoint;
  return urlOf(network.address ?? address, port);
}

/** Says where it serves, a line for each address; and later one for each that comes. */
export function tellAddresses(network: Network, listener: Listener, say: (line: string) => void): void {
  const { address, port } = listener.endpoint;
  const all = network.addresses ?? [network.address ?? address];
  const line = (one: string): void => say(`listening on ${urlOf(one, port)}\n`);
  for (const one of all) line(one);
  if ('onAddress' in network) network.onAddress = line;
}

/** `http://10.0.0.7/`, with the port unless it is 80. */
export function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 80 ? `http://${host}/` : `http://${host}:${port}/`;
}
