/** The HTTP server that the command line asks for. */

import type { ServeOptions } from '../cli/arguments/serve.js';
import { HttpServer } from '../http/index.js';
import type { Network } from '../net/flow.js';
import { livePages, type Shown, shownBy } from './live-pages.js';
import type { Log } from './log.js';
import type { Sites } from './sites.js';
import type { Siblings } from './workers/siblings.js';

/** What a server is asked for beside the command line. */
export interface ServerExtras {
  /** Other processes that serve the same. */
  readonly siblings?: Siblings | undefined;
  /** As in `HttpOptions`; `redirectTo` instead of what the command line says. */
  readonly hsts?: number | undefined;
  readonly redirectTo?: string | undefined;
  /** What the pages about the server show; undefined: the numbers of this server. */
  readonly shown?: Shown | undefined;
}

export function makeServer(
  options: ServeOptions,
  network: Network,
  sites: Sites,
  log: Log,
  { siblings, hsts, redirectTo = options.http.redirectTo, shown }: ServerExtras,
): HttpServer {
  const { base, serverField, siteFor, maxConnections, maxPerClient, idle } = options.http;
  const http: HttpServer = new HttpServer({
    store: sites.site.store,
    hosts: siteFor.size > 0 ? sites.hosts : undefined,
    base,
    serverField,
    hsts,
    redirectTo,
    canonical: options.http.site.canonical === undefined ? undefined : sites.site.canonical,
    livePages: livePages(options.http, network, sites.site, log, shown ?? shownBy(() => http, network), siblings),
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
