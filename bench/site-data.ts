/**
 * `npm run bench:site`: what the site's benchmarks page shows, out of bench/results/latest.json, with its chart for
 * screens and for phones. Then `npm run site`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chartOf } from './chart.js';
import type { Results } from './report.js';

const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  direct: ['sitekernel on a TAP', 'nginx over veth'],
  ceiling: ['ready bytes on a TAP', 'nginx over veth'],
  socket: ['sitekernel on sockets', 'nginx on loopback'],
  lighttpd: ['lighttpd', 'nginx on loopback'],
  caddy: ['Caddy, one thread', 'nginx on loopback'],
  sirv: ['node:http with sirv', 'nginx on loopback'],
};

const results = JSON.parse(readFileSync('bench/results/latest.json', 'utf8')) as Results;
const { cpu, cores, kernel, node, date, commit } = results.machine;
const rows = results.rows.flatMap((row) =>
  Object.entries(row.servers).flatMap(([key, cell]) => {
    const names = NAMES[key];
    if (names === undefined || cell.ratio === undefined || cell.cpuRatio === undefined) return [];
    return {
      workload: row.title,
      server: names[0],
      against: names[1],
      ratio: cell.ratio.toFixed(2),
      goal: cell.goal?.rate,
      cpu: cell.cpuRatio.toFixed(2),
      p99: cell.p99Ratio?.toFixed(2),
      bar: Math.min(200, Math.round(cell.ratio * 50)),
    };
  }),
);
const data = {
  machine: `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, ${date}, at commit ${commit}`,
  method: `${results.rounds} rounds of ${results.seconds} s, servers in turns, medians of the ratios of each round`,
  rows,
};
writeFileSync('site/assets/bench.svg', await chartOf(results.rows));
writeFileSync('site/assets/bench-narrow.svg', await chartOf(results.rows, 'narrow'));
mkdirSync('site/_data', { recursive: true });
writeFileSync('site/_data/bench.json', `${JSON.stringify(data, null, 1)}\n`);
