/** The pages about the server itself that were asked for: metrics, health, status. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type HttpServer, healthPage, type LivePage, metricsPage, statusPages } from '../http/index.js';
import type { Network } from '../net/flow.js';
import type { HttpArguments } from './http-arguments.js';
import { packageVersion } from './program-files.js';

/** `site` in words; `server` is asked for later, when it exists. */
export function livePages(
  options: HttpArguments,
  network: Network,
  site: string,
  server: () => HttpServer,
): LivePage[] {
  const pages: LivePage[] = [];
  const { admins } = options;
  const counters = (): Readonly<Record<string, number>> => network.counters();
  const started = Date.now();
  if (options.health !== undefined) {
    pages.push(healthPage(options.health, () => network.address !== undefined || 'no address yet', admins));
  }
  if (options.metrics !== undefined) {
    const delay = monitorEventLoopDelay({ resolution: 20 });
    delay.enable();
    const extra = (): Record<string, number> => {
      const numbers = {
        sitekernel_eventloop_delay_p99_seconds: delay.percentile(99) / 1e9,
        sitekernel_resident_memory_bytes: process.memoryUsage.rss(),
        sitekernel_uptime_seconds: (Date.now() - started) / 1000,
      };
      delay.reset();
      return numbers;
    };
    pages.push(metricsPage(options.metrics, () => server().stats(), counters, extra, admins));
  }
  if (options.status !== undefined) {
    const source = {
      http: () => server().stats(),
      connections: (limit: number) => server().describe(limit),
      network: counters,
      facts: () => ({
        version: packageVersion(),
        site,
        address: network.address ?? 'none yet',
        'up since': new Date(started).toISOString(),
      }),
    };
    pages.push(...statusPages(options.status, source, admins));
  }
  return pages;
}
