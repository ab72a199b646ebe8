/** The HTTP server that the command line asks for. */

import { HttpServer, type Proxies } from '../http/index.js';
import type { Accept, Network } from '../net/flow.js';
import { acceptProxied } from '../net/proxied/accept.js';
import type { AdminListener } from './admin-listener.js';
import { storedChallenge } from './certificates/challenge.js';
import type { Told } from './certificates/told.js';
import { adminPages, livePages, type SealNumbers, type Watched } from './live-pages.js';
import type { Log } from './log.js';
import type { ProxyArguments } from './options/proxies.js';
import type { ServeOptions } from './options/serve.js';
import type { Siblings } from './siblings.js';
import type { Sites } from './sites.js';

/** Milliseconds between two lines in the log about descriptors. */
const EXHAUSTED_PAUSE = 60_000;

/** The sites to serve, and the network to serve on. */
export interface ServerContext {
  readonly options: ServeOptions;
  readonly network: Network;
  readonly sites: Sites;
  readonly log: Log;
  /** Other processes that serve the same. */
  readonly siblings?: Siblings | undefined;
  /** What the process that orders certificates tells; undefined: it is read from the state folder. */
  readonly told?: Told | undefined;
  /** The rights that were given up before serving. */
  readonly sealing?: SealNumbers | undefined;
}

/** Options of a server beside those of the command line. */
export interface ServerExtras {
  /** As in `HttpOptions`. */
  readonly hsts?: number | undefined;
  /** Instead of what the command line says. */
  readonly redirectTo?: string | undefined;
  /** The contents of the pages about the server. */
  readonly watched: Watched;
}

export function makeServer({ options, network, sites, log, told }: ServerContext, extras: ServerExtras): HttpServer {
  const { base, serverField, http2, siteFor, maxConnections, maxPerClient, idle } = options.http;
  return new HttpServer({
    store: sites.site.store,
    hosts: siteFor.size > 0 ? sites.hosts : undefined,
    base,
    serverField,
    http2,
    hsts: extras.hsts,
    proxies: proxiesOf(options.http.proxies),
    redirectTo: extras.redirectTo ?? options.http.redirectTo,
    canonical: options.http.site.canonical === undefined ? undefined : sites.site.canonical,
    livePages: livePages(extras.watched),
    acmeChallenge: told?.http ?? (options.acme && storedChallenge(options.acme.state, network.clock)),
    limits: given({ connections: maxConnections, connectionsPerClient: maxPerClient }),
    timeouts: given({ idle }),
    clock: network.clock,
    log: log.wants('access') ? (record) => log.access(record) : undefined,
    onFault: (error) => log.fault(error),
  });
}

/** Proxies that name their clients in fields; HTTP does not see those that send a header before a connection. */
function proxiesOf(proxies: ProxyArguments | undefined): Proxies | undefined {
  if (proxies === undefined || proxies.says === 'proxy-protocol') return undefined;
  return { trusts: proxies.trusts, fields: proxies.says, hsts: proxies.hsts };
}

/**
 * The server that gets a listener's connections; connections of proxies may begin with a header, if the options say so.
 */
export function behindProxies({ options, network }: ServerContext, accept: Accept): Accept {
  const { proxies } = options.http;
  return proxies?.says === 'proxy-protocol' ? acceptProxied(accept, proxies.trusts, network.clock) : accept;
}

/** Idle connections of `servers` give way when no descriptors are left. */
export function giveWay(network: Network, log: Log, servers: () => readonly HttpServer[]): void {
  let said = Number.NEGATIVE_INFINITY;
  network.onExhausted = () => {
    const gave = servers().some((one) => one.giveWay());
    const now = network.clock.now();
    if (now - said >= EXHAUSTED_PAUSE) {
      said = now;
      log.warn(
        `no descriptors are left (ulimit -n): ${gave ? 'idle connections give way' : 'new connections are closed'} until there are`,
      );
    }
    return gave;
  };
}

/** The listener of pages about the server, where one is configured; not open yet. */
export async function adminListener(watched: Watched): Promise<AdminListener | undefined> {
  const { listen } = watched.options.http.admin;
  if (listen === undefined) return undefined;
  const { AdminListener } = await import('./admin-listener.js');
  return new AdminListener(listen, adminPages(watched), watched.log);
}

/** The given values; defaults apply for the rest. */
function given(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
