/** The configured pages about the server itself: metrics, health, status. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  counter,
  gauge,
  type HttpServer,
  type HttpStats,
  healthPage,
  type LivePage,
  type Metric,
  metricsPage,
  reloadPages,
  statusPages,
} from '../http/index.js';
import type { LeaseInfo, Network } from '../net/flow.js';
import { RELOAD_PATH } from '../store/html/live-reload.js';
import type { Log } from './log.js';
import type { ServeOptions } from './options/serve.js';
import { processMetrics } from './process-metrics.js';
import { packageVersion } from './program-files.js';
import type { ServedSite } from './served-site.js';
import type { Siblings } from './siblings.js';

/** Milliseconds between two measurements of the event loop's delay. */
const RESOLUTION = 20;

/** The contents of the pages about a server. */
export interface Watched {
  readonly options: ServeOptions;
  readonly network: Network;
  readonly site: ServedSite;
  readonly log: Log;
  /** Called later, when the value exists. */
  readonly server: () => Pick<HttpServer, 'stats' | 'describe'>;
  /** Other processes whose numbers belong to it. */
  readonly siblings?: Siblings | undefined;
  /** The rights that were given up before serving. */
  readonly sealing?: SealNumbers | undefined;
  /** The counters of the name server; undefined: there is none, or none yet. */
  readonly dns?: (() => Readonly<Record<string, number>> | undefined) | undefined;
  /** Undefined: there is no TLS. */
  readonly tls?: TlsNumbers | undefined;
}

/** The additions of a sealed process to the pages. */
export interface SealNumbers {
  /** For people. */
  readonly line: string;
  metrics(): readonly Metric[];
}

/** The additions of TLS to the pages. */
interface TlsNumbers {
  counters(): Readonly<Record<string, number>>;
  metrics(): readonly Metric[];
  /** Facts in words. */
  facts(): Readonly<Record<string, string>>;
}

/** The pages on the site's own port. */
export function livePages(watched: Watched): LivePage[] {
  const { site, options } = watched;
  const { admins } = options.http.admin;
  const pages = admins === undefined ? [] : adminPages(watched, admins);
  if (options.http.site.liveReload) pages.push(...reloadPages(RELOAD_PATH, () => site.store().id));
  return pages;
}

/** The configured pages about the server. `permits`: the clients that may see them; absent: all. */
export function adminPages(watched: Watched, permits?: LivePage['permits']): LivePage[] {
  const { options, network, site, server, siblings, tls, dns, sealing } = watched;
  const { health, metrics, status } = options.http.admin;
  const pages: LivePage[] = [];
  const own = (): Readonly<Record<string, number>> => ({ ...network.counters(), ...tls?.counters() });
  const counters = (): Readonly<Record<string, number>> => siblings?.counters(own()) ?? own();
  const stats = (): HttpStats => (siblings === undefined ? server().stats() : siblings.stats(server().stats()));
  const drops = (): Readonly<Record<string, number>> => network.dropped?.() ?? {};
  if (health !== undefined)
    pages.push(healthPage(health, () => network.address !== undefined || 'no address yet', permits));
  if (metrics !== undefined) {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
    delay.enable();
    const more = (): readonly Metric[] => {
      const p99 = late(delay.percentile(99));
      const max = late(delay.max);
      delay.reset();
      const rest = [
        ...leaseMetrics(network.lease?.()),
        ...processMetrics(),
        ...(tls?.metrics() ?? []),
        ...dnsMetrics(siblings?.names(dns?.()) ?? dns?.()),
        ...(sealing?.metrics() ?? []),
      ];
      return [...delays(p99, max), ...ownMetrics(watched), ...rest];
    };
    pages.push(metricsPage(metrics, { http: stats, network: counters, drops, more }, permits));
  }
  if (status !== undefined) {
    const source = {
      http: stats,
      connections: (limit: number) => server().describe(limit),
      network: counters,
      drops,
      lease: () => network.lease?.(),
      facts: () => ({
        version: packageVersion(),
        site: site.name,
        'version of the site': site.store().id.slice(0, 16),
        address: (network.addresses ?? [network.address]).join(' ') || 'none yet',
        ...tls?.facts(),
        ...(sealing === undefined ? {} : { seal: sealing.line }),
        'up since': `${new Date(performance.timeOrigin).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      }),
    };
    pages.push(...statusPages(status, source, permits));
  }
  return pages;
}

function delays(p99: number, max: number): Metric[] {
  return [
    gauge('sitekernel_eventloop_delay_p99_seconds', 'Delay of the event loop since the last look, 99 of 100.', [
      { value: p99 },
    ]),
    gauge('sitekernel_eventloop_delay_max_seconds', 'Longest delay of the event loop since the last look.', [
      { value: max },
    ]),
  ];
}

function ownMetrics({ options, site, log }: Watched): Metric[] {
  const build = { version: packageVersion(), node: process.versions.node, net: options.net };
  return [
    gauge('sitekernel_build_info', 'What runs; always 1.', [{ labels: build, value: 1 }]),
    gauge('sitekernel_site_info', 'The version of the site that is served; always 1.', [
      { labels: { id: site.store().id.slice(0, 16) }, value: 1 },
    ]),
    counter('sitekernel_log_lines_dropped_total', 'Lines that nobody read fast enough.', [{ value: log.dropped }]),
  ];
}

/**
 * Node measures from one tick of its timer to the next, in nanoseconds. Returns the part beyond the timer's own
 * interval, in seconds.
 */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000);
}

/** Without a lease the metrics have names, and no numbers. */
function leaseMetrics(lease: LeaseInfo | undefined): Metric[] {
  const samples = (value: number | undefined) => (value === undefined ? [] : [{ value }]);
  return [
    gauge('sitekernel_dhcp_lease_seconds', 'For how long the DHCP server gave the address.', samples(lease?.seconds)),
    gauge('sitekernel_dhcp_lease_renews_in_seconds', 'Until it is renewed.', samples(lease?.renewsIn)),
    gauge('sitekernel_dhcp_lease_expires_in_seconds', 'Until it ends.', samples(lease?.expiresIn)),
  ];
}

function dnsMetrics(counters: Readonly<Record<string, number>> = {}): Metric[] {
  const samples = Object.entries(counters).map(([name, value]) => ({ labels: { name }, value }));
  return samples.length === 0
    ? []
    : [counter('sitekernel_dns_total', 'What the name server counts, by name.', samples)];
}
