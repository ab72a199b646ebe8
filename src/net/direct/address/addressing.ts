/** How a host comes to its addresses, as text. */
import type { Ipv6Text } from './ipv6-mode.js';

/** An IPv4 address that is given; text forms, checked before. */
export interface StaticAddress {
  readonly address: string;
  /** Leading one bits of the netmask, 1 to 32. */
  readonly prefix: number;
  readonly gateway?: string | undefined;
  /** Addresses beside it; none: undefined. */
  readonly further?: readonly { readonly address: string; readonly prefix: number }[] | undefined;
}

/** How a host comes to its addresses; text forms, checked before. */
export interface Addressing {
  /** Undefined: DHCP, if there is IPv4 at all. */
  readonly static?: StaticAddress | undefined;
  /** IPv4 addresses that are served and never announced. */
  readonly anycast?: readonly string[] | undefined;
  /** No IPv4. */
  readonly noIpv4?: boolean | undefined;
  readonly hostname?: string | undefined;
  /** Undefined: no IPv6. */
  readonly ipv6?: Ipv6Text | undefined;
}
