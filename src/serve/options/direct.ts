/** Options of direct mode. */
import type { Faults } from '../../net/device/wrap/faults.js';
import type { StaticAddress } from './ipv4.js';
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
  /** Recursive name servers to ask; none: those that DHCP and routers tell of. */
  readonly nameServers: readonly string[];
  readonly pcap: string | undefined;
  /** A recording that `replay` plays, and the bytes that it may take. */
  readonly record: { readonly file: string; readonly bytes: number } | undefined;
  readonly offload: boolean;
  readonly congestion: 'cubic' | 'bbr' | 'reno';
  /** What the link does to frames, for development; undefined: nothing. */
  readonly faults: Faults | undefined;
  /** Looks before the loop sleeps; undefined: what suits the machine. */
  readonly spin: number | undefined;
}
