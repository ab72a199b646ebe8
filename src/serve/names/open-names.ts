/** Opens the name server beside a site: on the network of direct mode, or on sockets of its own. */
import type { SelfFacts } from '../../dns/zone/load.js';
import type { OnFault } from '../../net/containment.js';
import { stateFolder } from '../../net/direct/address/lease-file.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { openSocketDatagrams } from '../../net/sockets/open.js';
import type { Log } from '../log.js';
import { openSockets } from '../networks.js';
import type { ServeOptions } from '../options/serve.js';
import { NameServer } from './name-server.js';

export interface OpenNames {
  readonly server: NameServer;
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
}

/** A name server that is made before there is traffic, and opened when there is. */
export interface PreparedNames {
  /** Opens its ports, so that connections that a predecessor began are not refused. */
  listen(): void;
  /** After `listen`. */
  /** Rejects with a `UserError`. */
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
  { sockets, cookies }: GivenNames = {},
): Promise<PreparedNames> {
  const { dns, host, net, direct } = options;
  const state = options.state ?? stateFolder();
  const watch = options.http.site.watch;
  if (net === 'direct') {
    const { datagrams } = network as DirectNetwork;
    const server = new NameServer(dns, network, state, log, cookies, factsOf(options));
    await server.prepare(network.address ?? direct.static?.address);
    const close = async (): Promise<void> => server.close();
    return {
      listen: () => server.listen(datagrams),
      open: async () => ({ server, where: await server.open(watch), close }),
    };
  }
  const own = await openSockets(options, log, sockets === undefined ? [] : [sockets.tcp], '--dns-port');
  const onFault: OnFault = (error, place, unreported) => log.contained(error, place, unreported);
  const datagrams = await openSocketDatagrams(host, '--dns-port', options.sockets, onFault, sockets?.udp);
  const server = new NameServer(dns, own, state, log, cookies, factsOf(options));
  await server.prepare(own.address);
  const close = async (drain: number): Promise<void> => {
    server.close();
    await own.close(drain);
  };
  return {
    listen: () => server.listen(datagrams),
    open: async () => ({ server, where: await server.open(watch), close }),
  };
}

/** The parameters in the HTTPS records of `@SELF` (RFC 9460 7.1.2). */
function factsOf({ tls, http }: ServeOptions): Omit<SelfFacts, 'addresses'> {
  if (tls === undefined) return {};
  return { protocols: http.http2 ? ['h2', 'http/1.1'] : ['http/1.1'], httpsPort: tls.port };
}
