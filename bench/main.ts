/**
 * `npm run bench -- [--quick] [--row KEY,KEY] [--rounds N] [--seconds N] [--servers KEY,KEY]`: compares this program
 * with nginx and others in namespaces that it makes and removes. Servers take turns within each round, so that what
 * else the machine does hits all of them alike; ratios are taken within a round, and medians of those are shown, each
 * with its goal. What was measured goes to bench/results/latest.json, and as a chart beside it; with `--row` the other
 * rows there stay. `npm run bench:site` hands both to the site's benchmarks page. Needs root, nginx and wrk; `npm run
 * bench:goodput` has the row about loss.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Lab } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { MAIN } from '../test/wire/server.js';
import { chartOf } from './chart.js';
import type { Contender, Content } from './contender.js';
import { measure, type Run } from './measure.js';
import { type Results, type Row, rowOf, table } from './report.js';
import { CONTENDERS, NAMED, PEERS, startContenders, takesPart } from './servers.js';
import { writeCertificate } from './tls-servers.js';
import { WORKLOADS, type Workload, writeCompressed, writeContent } from './workloads.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    row: { type: 'string' },
    servers: { type: 'string' },
    output: { type: 'string', default: join('bench', 'results', 'latest.json') },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 1 : 2));
const only = values.row?.split(',');
/**
 * Seconds before the first round of a row that counts: V8 goes on compiling for three of load, in which the rate rises
 * by half.
 */
const WARM_UP = values.quick ? 1 : 3;
/** Rounds that peers take part in. */
const PEER_ROUNDS = 2;
const workloads = WORKLOADS.filter((one) => only === undefined || only.includes(one.key));
const keys =
  values.servers?.split(',') ??
  CONTENDERS.filter(
    (key) =>
      !NAMED.includes(key) && !(values.quick && PEERS.includes(key)) && workloads.some((one) => takesPart(key, one)),
  );

const secure = workloads.some(({ tls }) => tls !== undefined);
const why = skipWithout('nginx', 'wrk', 'taskset', 'curl', ...(secure ? ['h2load'] : []));
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
if (workloads.length === 0) {
  console.error(`bench: --row ${values.row}: known are ${WORKLOADS.map((one) => one.key).join(', ')}`);
  process.exit(2);
}
if (keys.some((key) => !CONTENDERS.includes(key))) {
  console.error(`bench: --servers ${values.servers}: known are ${CONTENDERS.join(', ')}`);
  process.exit(2);
}

if (![rounds, seconds].every((one) => Number.isInteger(one) && one > 0)) {
  console.error(
    `bench: --rounds ${values.rounds ?? rounds} --seconds ${values.seconds ?? seconds}: whole numbers from 1 on (wrk knows no parts of a second)`,
  );
  process.exit(2);
}

const endings: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => endings.push(callback) });
try {
  const all = await startContenders(lab, makeContent(lab.folder), keys);
  const titles = new Map(all.map((server) => [server.key, server.title]));
  const rows: Row[] = [];
  for (const workload of workloads) {
    const servers = all.filter(
      (server) =>
        takesPart(server.key, workload) &&
        (!server.onlySmall || (workload.path === '/1k.html' && workload.pipeline === undefined)),
    );
    const runs = new Map<string, Run[]>(servers.map((server) => [server.key, []]));
    const urls = new Map<string, string>();
    // The first round warms up caches and compilers, chooses the best of a server's set-ups, and is not counted.
    for (const server of servers) urls.set(server.key, await bestUrl(server, workload));
    for (let round = 0; round < rounds; round++) {
      for (const server of turn(servers, round)) {
        if (server.peer && round >= PEER_ROUNDS) continue;
        const url = urls.get(server.key) as string;
        runs.get(server.key)?.push(await measure(lab.host, server, url, workload, seconds));
      }
    }
    rows.push(rowOf(workload, servers, runs));
    console.log(`${table(rows.slice(-1), titles).split('\n').slice(2).join('\n')}`);
  }
  console.log(`\n${table(rows, titles)}`);
  const folder = join(values.output, '..');
  mkdirSync(folder, { recursive: true });
  const results: Results = { machine: machine(), rounds, seconds, rows: merged(rows) };
  writeFileSync(values.output, `${JSON.stringify(results, null, 1)}\n`);
  const chart = values.output.replace(/(\.json)?$/, '.svg');
  writeFileSync(chart, await chartOf(results.rows));
  console.log(`\nwritten to ${values.output} and ${chart}`);
} finally {
  for (const end of endings) await end();
}

/** The files that are asked for, and a bundle of them. */
function makeContent(place: string): Content {
  const plain = join(place, 'content');
  const folder = join(place, 'ready');
  writeContent(plain);
  cpSync(join('site', '_site'), plain, { recursive: true });
  cpSync(plain, folder, { recursive: true });
  writeCompressed(folder);
  const bundle = join(place, 'site.bundle');
  execFileSync(process.execPath, [MAIN, 'bundle', plain, '-o', bundle], { stdio: 'ignore' });
  return { bundle, folder, ...writeCertificate(place) };
}

async function bestUrl(server: Contender, workload: Workload): Promise<string> {
  let best = '';
  let most = -1;
  for (const url of server.urls) {
    const { rate } = await measure(lab.host, server, url, workload, WARM_UP);
    if (!(rate > most)) continue;
    most = rate;
    best = url;
  }
  return best;
}

/** With the rows of the last results that were not measured anew, in the table's order. */
function merged(rows: readonly Row[]): Row[] {
  let before: readonly Row[] = [];
  if (only !== undefined && existsSync(values.output)) {
    before = (JSON.parse(readFileSync(values.output, 'utf8')) as Results).rows;
  }
  const of = (key: string): Row | undefined =>
    rows.find((row) => row.key === key) ?? before.find((row) => row.key === key);
  return WORKLOADS.map((workload) => of(workload.key)).filter((row) => row !== undefined);
}

/** The order changes from round to round: nobody always runs after the same other one. */
function turn(servers: readonly Contender[], round: number): Contender[] {
  const first = (round + servers.length) % servers.length;
  return [...servers.slice(first), ...servers.slice(0, first)];
}

function machine(): Record<string, string | number> {
  const version = (command: string, args: string[]): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
    } catch {
      return 'unknown';
    }
  };
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: version('git', ['rev-parse', '--short', 'HEAD']),
  };
}
