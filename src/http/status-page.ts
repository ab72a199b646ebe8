import type { LivePage } from './live-pages.js';
import type { Numbers } from './metrics.js';
import type { ConnectionStats, HttpStats } from './stats.js';
import { STATUS_DOCUMENT } from './status-document.js';

/** What the status page shows, as its JSON has it. */
export interface StatusSource {
  http(): HttpStats;
  /** Some of the open connections, at most `limit`. */
  connections(limit: number): readonly ConnectionStats[];
  network(): Numbers;
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
      render: () => ({ status: 200, contentType: 'application/json', body: statusJson(source) }),
    },
  ];
}

function statusJson(source: StatusSource): string {
  const http = source.http();
  return JSON.stringify({
    facts: source.facts(),
    http: { ...http, answers: Object.fromEntries(http.answers) },
    network: source.network(),
    connections: source.connections(ROWS),
  });
}
