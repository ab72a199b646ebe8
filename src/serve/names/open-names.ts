/** Opens the name server beside a site: on the network of direct mode, or on sockets of its own. */
import { spread } from '../../dns/serve/spread.js';
import { nameText } from '../../dns/wire/name.js';
import type { SelfFacts } from '../../dns/zone/load.js';
import type { Zone } from '../../dns/zone/zone.js';
import { stateFolder } from '../../native/home.js';
import type { Datagrams } from '../../net/datagrams.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Clock, Network } from '../../net/flow.js';
import { formatIp } from '../../net/ip-text.js';
import { openSocketDatagrams } from '../../net/sockets/open.js';
import { proofNames } from '../certificates/proof-names.js';
import type { Log } from '../log.js';
import { openSockets } from '../networks.js';
import type { DirectArguments } from '../options/direct.js';
import type { DnsArguments } from '../options/dns.js';
import type { ServeOptions } from '../options/serve.js';
import { readTsigKeys, secondariesOf } from './dns-keys.js';
import { NameServer } from './name-server.js';
import { ownCaa, toldCaa } from './own-caa.js';
import { ZoneKeeper, type ZonePlace } from './zone-keeper.js';

export interface OpenNames {
  readonly server: NameServer;
  readonly zones: ZoneKeeper;
  /** For people. */
  readonly where: string;
  /** Takes no new queries; open ones have `drain` ms. */
  close(drain: number): Promise<void>;
}

/** Sockets of port 53 that another process opened. */
interface NameSockets {
  readonly udp: number;
  readonly tcp: number;
}

/** The values that another process passed. */
export interface GivenNames {
  /** In socket mode, instead of sockets of its own. */
  readonly sockets?: NameSockets | undefined;
  /** The secret of cookies, unless the command line has one: 16 bytes. */
  readonly cookies?: Uint8Array | undefined;
  /** What is known of the authority, as it is stored; undefined: it is read from the state folder. */
  readonly authority?: (() => string | undefined) | undefined;
}

/** A name server that is made before there is traffic, and opened when there is. */
export interface PreparedNames {
  /** Opens its ports, so that connections that a predecessor began are not refused. */
  listen(): void;
  /** After `listen`. Rejects with a `UserError`. */
  open(): Promise<OpenNames>;
}

/**
 * Reads the zones, and makes the answers that do not depend on the address. Rejects with a `UserError`. `network`: the
 * site's.
 */
export async function prepareNames(
  options: ServeOptions,
  network: Network,
  log: Log,
  { sockets, cookies, authority }: GivenNames = {},
): Promise<PreparedNames> {
  const { host, net, direct } = options;
  if (net === 'direct') {
    const { datagrams } = network as DirectNetwork;
    const expected = givenAddresses(direct);
    return prepared(options, network, log, { datagrams, cookies, authority, expected, closed: async () => undefined });
  }
  const own = await openSockets(options, log, sockets === undefined ? [] : [sockets.tcp], '--dns-port');
  const datagrams = await openSocketDatagrams(host, '--dns-port', options.sockets, log.contained, sockets?.udp);
  const closed = (drain: number): Promise<void> => own.close(drain);
  return prepared(options, own, log, { datagrams, cookies, authority, expected: [], closed });
}

interface Means {
  readonly datagrams: Datagrams;
  readonly cookies: Uint8Array | undefined;
  readonly authority: GivenNames['authority'];
  /** The addresses that the network will have, while it has none. */
  readonly expected: readonly string[];
  /** Closes what carries the name server alone. */
  readonly closed: (drain: number) => Promise<void>;
}

async function prepared(options: ServeOptions, network: Network, log: Log, means: Means): Promise<PreparedNames> {
  const { acme } = options;
  const caa = acme && means.authority && toldCaa(acme, means.authority);
  const place = { clock: network.clock, addresses: () => addressesOf(network) };
  const zones = keeperFor(options, caa === undefined ? place : { ...place, caa }, log);
  const server = new NameServer(options.dns, network, means.cookies);
  zones.publish = (all) => server.replace(all);
  zones.spread = spreadBy(options.dns, means.datagrams, network.clock, log);
  const known = addressesOf(network);
  await zones.prepare(known.length > 0 ? known : means.expected);
  server.replace(zones.zones);
  return {
    listen: () => server.listen(means.datagrams),
    open: async () => {
      await zones.open(options.http.site.watch);
      const close = async (drain: number): Promise<void> => {
        zones.close();
        server.close();
        await means.closed(drain);
      };
      return { server, zones, where: await server.where(), close };
    },
  };
}

/** Those of the command line, in the order in which the network has them. */
export function givenAddresses({ static: ipv4, anycast, ipv6 }: DirectArguments): readonly string[] {
  const all =
    ipv4 === undefined ? [] : [ipv4.address, ...(ipv4.further ?? []).map(({ address }) => address), ...anycast];
  return [...all, ...(ipv6?.addresses ?? []).map(({ address }) => address), ...(ipv6?.anycast ?? [])];
}

/** For `ZoneKeeper.spread`: a secondary that does not come after is reported. */
export function spreadBy(
  { keys, secondaries }: DnsArguments,
  datagrams: Datagrams,
  clock: Clock,
  log: Log,
): (zone: Pick<Zone, 'apex' | 'serial'>) => Promise<void> {
  const all = secondariesOf(secondaries, keys === undefined ? [] : readTsigKeys(keys));
  const random = new CryptoRandom();
  return async (zone) => {
    for (const { address } of await spread(zone, all, datagrams, clock, random)) {
      const who = formatIp(address.bytes.subarray(0, address.length));
      log.warn(`the secondary ${who} has not taken ${nameText(zone.apex)} serial ${zone.serial} in 30 s`);
    }
  };
}

/** The zones of a server, not read yet. */
export function keeperFor(options: ServeOptions, place: ZonePlace, log: Log): ZoneKeeper {
  const { acme, dns, state = stateFolder() } = options;
  const known = acme === undefined ? place : { caa: ownCaa(acme), ...place, proofs: proofNames(acme) };
  return new ZoneKeeper(dns, known, state, log, factsOf(options));
}

function addressesOf({ address, addresses }: Network): readonly string[] {
  return addresses ?? (address === undefined ? [] : [address]);
}

/** The parameters in the HTTPS records of `@SELF` (RFC 9460 7.1.2). */
function factsOf({ tls, http }: ServeOptions): Omit<SelfFacts, 'addresses'> {
  if (tls === undefined) return {};
  return { protocols: http.http2 ? ['h2', 'http/1.1'] : ['http/1.1'], httpsPort: tls.port };
}
