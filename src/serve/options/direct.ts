/** Options of direct mode. */
import type { Faults } from '../../net/device/wrap/faults.js';
import type { StaticAddress } from '../../net/direct/address/addressing.js';
import type { Ipv6Arguments } from './ipv6.js';
export interface DirectArguments {
  /** A network card to use instead of a TAP. */
  readonly interface: string | undefined;
  readonly tap: string;
  readonly bridge: string | undefined;
  /** Undefined: DHCP. */
  readonly static: StaticAddress | undefined;
  /** IPv4 addresses that are served and never announced. */
  readonly anycast: readonly string[];
  readonly noIpv4: boolean;
  /** Undefined: none. */
  readonly ipv6: Ipv6Arguments | undefined;
  /** Six bytes; undefined: derived from the machine and the TAP's name. */
  readonly mac: Uint8Array | undefined;
  readonly hostname: string | undefined;
  /** Recursive name servers; empty: those that DHCP and routers announce. */
  readonly nameServers: readonly string[];
  readonly pcap: string | undefined;
  /** A recording that `replay` plays, and the bytes that it may take. */
  readonly record: { readonly file: string; readonly bytes: number } | undefined;
  readonly offload: boolean;
  readonly congestion: 'cubic' | 'bbr' | 'reno';
  /** Simulated faults of the link, for development; undefined: none. */
  readonly faults: Faults | undefined;
  /** Polls before the loop sleeps; undefined: a number that suits the machine. */
  readonly spin: number | undefined;
}
