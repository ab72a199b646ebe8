/** The HTTP server that the command line asks for. */

import { HttpServer } from '../http/index.js';
import type { Network } from '../net/flow.js';
import type { AdminListener } from './admin-listener.js';
import { storedChallenge } from './certificates/challenge.js';
import { adminPages, livePages, type Watched } from './live-pages.js';
import type { Log } from './log.js';
import type { ServeOptions } from './options/serve.js';
import type { Siblings } from './siblings.js';
import type { Sites } from './sites.js';

/** Milliseconds between two lines in the log about descriptors. */
const EXHAUSTED_PAUSE = 60_000;

/** `siblings`: other processes that serve the same. */
export function makeServer(
  options: ServeOptions,
  network: Network,
  sites: Sites,
  log: Log,
  siblings?: Siblings,
): HttpServer {
  const { base, serverField, siteFor, maxConnections, maxPerClient, idle, redirectTo } = options.http;
  let said = Number.NEGATIVE_INFINITY;
  const http: HttpServer = new HttpServer({
    store: sites.site.store,
    hosts: siteFor.size > 0 ? sites.hosts : undefined,
    base,
    serverField,
    redirectTo,
    canonical: options.http.site.canonical === undefined ? undefined : sites.site.canonical,
    livePages: livePages({ options, network, site: sites.site, log, server: () => http, siblings }),
    acmeChallenge: options.acme === undefined ? undefined : storedChallenge(options.acme.state, network.clock),
    limits: given({ connections: maxConnections, connectionsPerClient: maxPerClient }),
    timeouts: given({ idle }),
    clock: network.clock,
    log: log.wants('access') ? (record) => log.access(record) : undefined,
    onFault: (error) => log.fault(error),
  });
  network.onExhausted = () => {
    const gave = http.giveWay();
    const now = network.clock.now();
    if (now - said >= EXHAUSTED_PAUSE) {
      said = now;
      log.warn(
        `no descriptors are left (ulimit -n): ${gave ? 'idle connections give way' : 'new connections are closed'} until there are`,
      );
    }
    return gave;
  };
  return http;
}

/** The listener of pages about the server, where one is asked for; not open yet. */
export async function adminListener(
  options: ServeOptions,
  watched: Omit<Watched, 'options' | 'site' | 'server'> & { readonly sites: Sites; readonly http: HttpServer },
): Promise<AdminListener | undefined> {
  const { listen } = options.http.admin;
  if (listen === undefined) return undefined;
  const { sites, http, ...rest } = watched;
  const { AdminListener } = await import('./admin-listener.js');
  return new AdminListener(listen, adminPages({ ...rest, options, site: sites.site, server: () => http }), rest.log);
}

/** What was given of it: defaults stand for the rest. */
function given(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
