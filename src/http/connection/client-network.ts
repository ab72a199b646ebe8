/** The client of a connection, for counters by client. */

/**
 * Groups of an IPv6 address that name a network: a client chooses the other groups itself (RFC 4291 2.5.1, RFC 8981).
 */
const NETWORK_GROUPS = 4;

/** An IPv4 address as it is; of an IPv6 address its /64, as four groups. `address`: as `Endpoint.address` has it. */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const [plain = ''] = address.split('%');
  const [front = '', back] = plain.split('::');
  const groups = front === '' ? [] : front.split(':');
  if (back !== undefined) {
    const rest = back === '' ? [] : back.split(':');
    // An IPv4 address at the end stands for two groups.
    const length = groups.length + rest.length + (back.includes('.') ? 1 : 0);
    groups.push(...new Array<string>(Math.max(0, 8 - length)).fill('0'), ...rest);
  }
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
