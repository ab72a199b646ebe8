/** Serving: a store, an HTTP server and a network, from start to drained end. */
import { HttpServer } from '../http/index.js';
import type { Listener, Network } from '../net/flow.js';
import type { Store } from '../store/index.js';
import { badUsage, type Failure } from './failure.js';
import { livePages } from './live-pages.js';
import { Log } from './log.js';
import { openNetwork } from './networks.js';
import { embeddedSite } from './program-files.js';
import type { ServeOptions } from './serve-arguments.js';
import { ServedSite } from './served-site.js';
import type { Siblings } from './siblings.js';
import { firstSignal, onReload } from './signals.js';
import { FROM_WORKERS } from './worker-channel.js';

/** Serves until a signal comes, then drains. */
export async function runServer(options: ServeOptions): Promise<void> {
  if (options.selfTest) return (await import('./self-test-command.js')).runSelfTest(options);
  if (options.supervised) return (await import('./supervised.js')).runSupervised(options);
  if (options.workers > 1) return severalProcesses(options);
  const log = new Log(options.log);
  try {
    await serve(options, log);
  } finally {
    await log.close();
  }
}

/** The first of several processes, or one of those that it started. */
async function severalProcesses(options: ServeOptions): Promise<void> {
  if (process.platform !== 'linux') throw badUsage('--workers needs Linux; leave it out here');
  const { control } = options;
  if (control !== undefined) throw badUsage('--control is for one process; leave --workers out, or --control');
  if (process.env[FROM_WORKERS] === undefined || process.send === undefined) {
    return (await import('./workers.js')).runWorkers(options);
  }
  delete process.env[FROM_WORKERS];
  return (await import('./worker.js')).runWorker(options);
}

async function serve(options: ServeOptions, log: Log): Promise<void> {
  const signal = firstSignal();
  let failed: (failure: Failure) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  // Side by side: a network may have to ask for its address while the site is being opened.
  const [network, sites] = await Promise.all([
    openNetwork(options, log, (one) => failed(one)),
    openSites(options, log),
  ]);
  const http = makeServer(options, network, sites, log);
  let ask: (what: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    ask = resolve;
  });
  const end = Promise.race([signal, asked, failure]);
  end.catch(() => undefined);
  const control = options.control === undefined ? undefined : await import('./control.js');
  try {
    // Before there is an address a signal ends it as well.
    const listener = await Promise.race([network.listen(options.port, http.accept), end]);
    if (typeof listener === 'object') {
      const url = addressOf(network, listener);
      await control?.open(options.control!, {
        ...{ site: sites.site, http, moved: () => undefined, image: '', url },
        drain: () => ask('drain'),
      });
      process.stdout.write(`listening on ${url}\n`);
      const name = await end;
      log.event('net', `${name}: no new connections; ${http.connections} open ones have ${options.drain / 1000} s`);
      http.drain();
    }
    await network.close(options.drain);
  } finally {
    control?.close();
    for (const one of sites.all) one.close();
  }
}

export interface Sites {
  readonly site: ServedSite;
  readonly hosts: Readonly<Record<string, () => Store>>;
  /** Those of hosts of their own among them. */
  readonly all: readonly ServedSite[];
}

/** The site, and those of other hosts by name. All are read again at SIGHUP. */
export async function openSites(options: ServeOptions, log: Log): Promise<Sites> {
  const site = await ServedSite.open(
    options.site ?? embeddedSite(),
    options.http.site,
    log,
    options.site ?? 'the embedded site',
  );
  const all = [site];
  const hosts: Record<string, () => Store> = {};
  for (const [host, path] of options.http.siteFor) {
    const own = await ServedSite.open(path, { ...options.http.site, canonical: undefined }, log);
    hosts[host] = own.store;
    all.push(own);
  }
  onReload(() => {
    for (const one of all) void one.reload();
  });
  return { site, hosts, all };
}

/** `siblings`: other processes that serve the same. */
export function makeServer(
  options: ServeOptions,
  network: Network,
  sites: Sites,
  log: Log,
  siblings?: Siblings,
): HttpServer {
  const { base, serverField, siteFor, maxConnections, maxPerClient, idle, redirectTo } = options.http;
  const http: HttpServer = new HttpServer({
    store: sites.site.store,
    hosts: siteFor.size > 0 ? sites.hosts : undefined,
    base,
    serverField,
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

/** Where it serves. */
export function addressOf(network: Network, listener: Listener): string {
  const { address, port } = listener.endpoint;
  return urlOf(network.address ?? address, port);
}

/** `http://10.0.0.7/`, with the port unless it is 80. */
export function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 80 ? `http://${host}/` : `http://${host}:${port}/`;
}
