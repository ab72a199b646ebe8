/** A notice about a gateway that may be a mistake. */
import type { StaticAddress } from '../net/direct/address/addressing.js';
import { parseIpv4, prefixMask } from '../net/wire/address.js';

/** A message about the gateway for the operator; undefined: there is no problem. All three are valid. */
export function gatewayNotice({ address, prefix, gateway }: StaticAddress): string | undefined {
  if (gateway === undefined || prefix >= 31) return undefined;
  const mask = prefixMask(prefix);
  if (((parseIpv4(gateway)! ^ parseIpv4(address)!) & mask) === 0) return undefined;
  return `the gateway ${gateway} is not in the network of ${address}/${prefix}: it is looked for on the link itself`;
}
