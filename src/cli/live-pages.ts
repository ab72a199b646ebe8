/** The pages about the server itself that were asked for: metrics, health, status. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  type HttpServer,
  type HttpStats,
  healthPage,
  type LivePage,
  metricsPage,
  reloadPages,
  statusPages,
} from '../http/index.js';
import type { LeaseInfo, Network } from '../net/flow.js';
import { RELOAD_PATH } from '../store/live-reload.js';
import type { HttpArguments } from './http-arguments.js';
import type { Log } from './log.js';
import { packageVersion } from './program-files.js';
import type { ServedSite } from './served-site.js';
import type { Siblings } from './siblings.js';

/** Milliseconds between two looks at how late the event loop is. */
const RESOLUTION = 20;

/** `server` is asked for later, when it exists; `siblings`: other processes whose numbers belong to it. */
export function livePages(
  options: HttpArguments,
  network: Network,
  site: ServedSite,
  log: Log,
  server: () => HttpServer,
  siblings?: Siblings,
): LivePage[] {
  const pages: LivePage[] = [];
  const { admins } = options;
  const counters = (): Readonly<Record<string, number>> =>
    siblings === undefined ? network.counters() : siblings.counters(network.counters());
  const stats = (): HttpStats => (siblings === undefined ? server().stats() : siblings.stats(server().stats()));
  const drops = (): Readonly<Record<string, number>> => network.dropped?.() ?? {};
  const started = Date.now();
  if (options.health !== undefined) {
    pages.push(healthPage(options.health, () => network.address !== undefined || 'no address yet', admins));
  }
  if (options.metrics !== undefined) {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
    delay.enable();
    const extra = (): Record<string, number> => {
      const numbers = {
        sitekernel_eventloop_delay_p99_seconds: late(delay.percentile(99)),
        sitekernel_resident_memory_bytes: process.memoryUsage.rss(),
        sitekernel_eventloop_delay_max_seconds: late(delay.max),
        sitekernel_uptime_seconds: (Date.now() - started) / 1000,
        sitekernel_log_lines_dropped: log.dropped,
        ...leaseNumbers(network.lease?.()),
      };
      delay.reset();
      return numbers;
    };
    pages.push(metricsPage(options.metrics, { http: stats, network: counters, drops, extra }, admins));
  }
  if (options.status !== undefined) {
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
        'up since': `${new Date(started).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      }),
    };
    pages.push(...statusPages(options.status, source, admins));
  }
  if (options.site.liveReload) pages.push(...reloadPages(RELOAD_PATH, () => site.store().id));
  return pages;
}

/** Node counts from one tick of its timer to the next, in nanoseconds: what is beyond the timer's own time, in seconds. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000);
}

function leaseNumbers(lease: LeaseInfo | undefined): Record<string, number> {
  if (lease === undefined) return {};
  return {
    sitekernel_dhcp_lease_seconds: lease.seconds,
    sitekernel_dhcp_lease_renews_in_seconds: lease.renewsIn,
    sitekernel_dhcp_lease_expires_in_seconds: lease.expiresIn,
  };
}
