import type { LeaseInfo } from '../../net/flow.js';
import type { LivePage } from '../contracts/live-page.js';
import type { Numbers } from './metric.js';
import type { ConnectionStats, HttpStats } from './stats.js';
import { STATUS_DOCUMENT } from './status-document.js';

/** What the status page shows, as its JSON has it. */
export interface StatusSource {
  http(): HttpStats;
  /** Some of the open connections, at most `limit`. */
  connections(limit: number): readonly ConnectionStats[];
  network(): Numbers;
  /** What the network dropped, by reason. */
  drops(): Numbers;
  /** The DHCP lease, where there is one. */
  lease(): LeaseInfo | undefined;
  /** Facts in words: version, site, address, lease. */
  facts(): Readonly<Record<string, string>>;
}

/** Connections in the table. */
const ROWS = 200;

/** Two live pages: the status page at `path`, and its data at `path.json`. */
export function statusPages(path: string, source: StatusSource, permits?: LivePage['permits']): LivePage[] {
  return [
    { path, permits, render: () => ({ status: 200, contentType: 'text/html; charset=utf-8', body: STATUS_DOCUMENT }) },
    {
      path: `${path}.json`,
      permits,
      quiet: true,
      render: () => ({ status: 200, contentType: 'application/json', body: statusJson(source) }),
    },
  ];
}

function statusJson(source: StatusSource): string {
  const http = source.http();
  const drops = source.drops();
  const network = Object.entries(source.network()).filter(([name]) => !Object.hasOwn(drops, name));
  return JSON.stringify({
    facts: source.facts(),
    http: { ...http, answers: Object.fromEntries(http.answers) },
    network: Object.fromEntries(network),
    drops,
    lease: source.lease(),
    connections: source.connections(ROWS),
  });
}
