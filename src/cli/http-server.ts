/** The HTTP server that the command line asks for. */
import { HttpServer } from '../http/index.js';
import type { Network } from '../net/flow.js';
import { livePages } from './live-pages.js';
import type { Log } from './log.js';
import type { ServeOptions } from './serve-arguments.js';
import type { Siblings } from './siblings.js';
import type { Sites } from './sites.js';

/** `siblings`: other processes that serve the same. */
export function makeServer(
  options: ServeOptions,
  network: Network,
  sites: Sites,
  log: Log,
  siblings?: Siblings,
): HttpServer {
  const { base, serverField, http2, siteFor, maxConnections, maxPerClient, idle, redirectTo } = options.http;
  const http: HttpServer = new HttpServer({
    store: sites.site.store,
    hosts: siteFor.size > 0 ? sites.hosts : undefined,
    base,
    serverField,
    http2,
    redirectTo,
    canonical: options.http.site.canonical === undefined ? undefined : sites.site.canonical,
    livePages: livePages(options.http, network, sites.site, log, () => http, siblings),
    limits: given({ connections: maxConnections, connectionsPerClient: maxPerClient }),
    timeouts: given({ idle }),
    clock: network.clock,
    log: log.wants('access') ? (record) => log.access(record) : undefined,
  });
  return http;
}

/** What was given of it: defaults stand for the rest. */
function given(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
