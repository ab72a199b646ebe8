/** Serving: a store, an HTTP server and a network, from start to drained end. */
import { HttpServer } from '../http/index.js';
import type { Listener, Network } from '../net/flow.js';
import type { Store } from '../store/index.js';
import type { ServeOptions } from './arguments.js';
import type { Failure } from './failure.js';
import { livePages } from './live-pages.js';
import { Log } from './log.js';
import { openNetwork } from './networks.js';
import { embeddedSite } from './program-files.js';
import { ServedSite } from './served-site.js';
import { firstSignal, onReload } from './signals.js';

/** Serves until a signal comes, then drains. */
export async function runServer(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const signal = firstSignal();
  let failed: (failure: Failure) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  // Side by side: a network may have to ask for its address while the site is being opened.
  const [network, { site, sites, hosts }] = await Promise.all([
    openNetwork(options, log, failed),
    openSites(options, log),
  ]);
  onReload(() => {
    for (const one of sites) void one.reload();
  });
  const { base, serverField, siteFor, maxConnections, maxPerClient, idle } = options.http;
  const http: HttpServer = new HttpServer({
    store: site.store,
    hosts: siteFor.size > 0 ? hosts : undefined,
    base,
    serverField,
    livePages: livePages(options.http, network, options.site ?? 'the embedded site', () => http),
    limits: given({ connections: maxConnections, connectionsPerClient: maxPerClient }),
    timeouts: given({ idle }),
    clock: network.clock,
    log: log.wants('access') ? (record) => log.access(record) : undefined,
  });
  try {
    // Before there is an address a signal ends it as well.
    const listener = await Promise.race([network.listen(options.port, http.accept), signal, failure]);
    if (typeof listener === 'object') {
      announce(network, listener);
      const name = await Promise.race([signal, failure]);
      log.event('net', `${name}: no new connections; ${http.connections} open ones have ${options.drain / 1000} s`);
      http.drain();
    }
    await network.close(options.drain);
  } finally {
    for (const one of sites) one.close();
    log.flush();
  }
}

/** The site, and those of other hosts by name. */
async function openSites(options: ServeOptions, log: Log) {
  const site = await ServedSite.open(options.site ?? embeddedSite(), options.http.site, log);
  const sites = [site];
  const hosts: Record<string, () => Store> = {};
  for (const [host, path] of options.http.siteFor) {
    const own = await ServedSite.open(path, options.http.site, log);
    hosts[host] = own.store;
    sites.push(own);
  }
  return { site, sites, hosts };
}

/** What was given of it: defaults stand for the rest. */
function given(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

function announce(network: Network, listener: Listener): void {
  const { address, port } = listener.endpoint;
  process.stdout.write(`listening on ${urlOf(network.address ?? address, port)}\n`);
}

/** `http://10.0.0.7/`, with the port unless it is 80. */
export function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 80 ? `http://${host}/` : `http://${host}:${port}/`;
}
