/** What a program that takes this one's place goes on with of IPv6: addresses, routers, prefixes, neighbours. */
import type { CarriedLease6 } from '../../dhcpv6/client.js';
import type { Stack } from '../../ip/stack.js';
import { type Origin, TENTATIVE } from '../../ip/v6/addresses.js';
import { BY_PREDECESSOR } from '../../ip/v6/fair-share.js';
import type { StableSecret } from '../../ip/v6/stable-id.js';
import type { LeasedAddress } from '../../wire/dhcpv6.js';
import { formatIpv6, type Ipv6Bytes, parseIpv6 } from '../../wire/ipv6.js';

/** JSON. Times in ms from now; -1: never ends. */
export interface Ipv6State {
  readonly secret: StableSecret;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: number;
    readonly origin: Origin;
    readonly anycast: boolean;
    readonly validIn: number;
    readonly preferredIn: number;
  }[];
  readonly routers: readonly {
    readonly address: string;
    readonly defaultIn: number;
    readonly preference: 1 | 0 | -1;
  }[];
  readonly prefixes: readonly { readonly address: string; readonly length: number; readonly validIn: number }[];
  readonly mtu: number;
  readonly hopLimit: number;
  /** Address, MAC, and whether it is a router. */
  readonly neighbours: readonly (readonly [string, readonly number[], boolean])[];
  /** The lease of the addresses of a DHCPv6 server. */
  readonly dhcp?: CarriedLease6 | undefined;
}

/** What the stack knows at `now`. */
export function knownIpv6({ v6 }: Stack, now: number): Omit<Ipv6State, 'secret' | 'dhcp'> {
  const until = (time: number): number => (time === Number.POSITIVE_INFINITY ? -1 : Math.max(0, time - now));
  const addresses = [...v6.addresses]
    .filter((one) => one.state !== TENTATIVE)
    .map(({ bytes, prefix, origin, anycast, validUntil, preferredUntil }) => {
      const times = { validIn: until(validUntil), preferredIn: until(preferredUntil) };
      return { address: formatIpv6(bytes), prefix, origin, anycast, ...times };
    });
  const routers = v6.routers.defaults(now).map(({ address, defaultUntil, preference }) => {
    return { address: formatIpv6(address), defaultIn: until(defaultUntil), preference };
  });
  const prefixes = v6.routers.onLinkPrefixes(now).map(({ bytes, length, until: end }) => {
    return { address: formatIpv6(bytes), length, validIn: until(end) };
  });
  const neighbours = v6.neighbours
    .known()
    .map(([bytes, mac, router]): [string, number[], boolean] => [formatIpv6(bytes), mac, router]);
  const { linkMtu: mtu, hopLimit } = v6.output;
  return { addresses, routers, prefixes, mtu, hopLimit, neighbours };
}

/** The stack knows the link as the state has it: its MTU, the hop limit, and neighbours that it had not heard of. */
export function restoreLink({ v6, peers }: Stack, state: Ipv6State, now: number): void {
  v6.output.setLinkMtu(state.mtu);
  v6.output.hopLimit = state.hopLimit;
  for (const [address, mac, router] of state.neighbours) {
    const handle = peers.intern(bytesOf(address));
    if (v6.neighbours.find(handle) !== undefined) continue;
    v6.neighbours.heard(handle, Uint8Array.from(mac), 0, now).router = router;
  }
}

/** And its prefixes and routers. `at`: the time that is this many ms of the state away. */
export function restoreRoutes({ v6, peers }: Stack, state: Ipv6State, at: (left: number) => number): void {
  const { routers } = v6;
  for (const { address, length, validIn } of state.prefixes)
    routers.setPrefix(bytesOf(address), length, at(validIn), BY_PREDECESSOR);
  for (const { address, defaultIn, preference } of state.routers)
    routers.setDefault(peers.intern(bytesOf(address)), at(defaultIn), preference, BY_PREDECESSOR);
}

/** The time on this program's clock for one of a state that is `elapsed` ms old. */
export function timesOf(now: number, elapsed: number): (left: number) => number {
  return (left) => (left < 0 ? Number.POSITIVE_INFINITY : now + left - elapsed);
}

/** The addresses of a DHCPv6 server, their lifetimes in seconds. */
export function leasesOf({ addresses }: Ipv6State): LeasedAddress[] {
  const seconds = (left: number): number => (left < 0 ? Number.POSITIVE_INFINITY : left / 1000);
  return addresses
    .filter(({ origin }) => origin === 'dhcp')
    .map(({ address, preferredIn, validIn }) => {
      return { address: bytesOf(address), preferred: seconds(preferredIn), valid: seconds(validIn) };
    });
}

/** Texts of a state were written by `formatIpv6`. */
export function bytesOf(address: string): Ipv6Bytes {
  return parseIpv6(address) as Ipv6Bytes;
}
