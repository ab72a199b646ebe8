/** What addresses the options ask for. */
import type { Ipv6Text } from '../address/ipv6-mode.js';
import type { Family } from '../address/served-address.js';
import { stableSecret } from '../address/stable-secret.js';
import type { DirectOptions } from './options.js';

/** What IPv6 is to be had, with the secret of its addresses. */
export function wantedIpv6({ ipv6, state, onNotice }: DirectOptions): Ipv6Text | undefined {
  if (ipv6 === undefined) return undefined;
  return { ...ipv6, secret: stableSecret(state, (sentence) => onNotice?.(sentence)) };
}

/** Families with an address that was given by hand. */
export function awaitedFamilies({ static: given, ipv6 }: DirectOptions): Family[] {
  const families: Family[] = given === undefined ? [] : [4];
  return ipv6 === undefined || ipv6.addresses.length === 0 ? families : [...families, 6];
}
