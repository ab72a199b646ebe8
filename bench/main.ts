/**
 * `npm run bench -- [--quick] [--rounds N] [--seconds N] [--only KEY,KEY] [--servers KEY,KEY]`: compares this program with nginx in namespaces that
 * it makes and removes. Servers take turns within each round, so that what else the machine does hits all of them alike;
 * ratios are taken within a round, and medians of those are shown. `npm run bench:site` hands them
 * to the site's benchmarks page. Needs root, nginx and wrk.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Lab } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { measure, type Run } from './measure.js';
import { type Row, rowOf, table } from './report.js';
import { CONTENDERS, type Contender, startContenders } from './servers.js';
import { WORKLOADS, writeContent } from './workloads.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    servers: { type: 'string' },
    output: { type: 'string', default: join('bench', 'results', 'latest.json') },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 1 : 4));
const only = values.only?.split(',');
const keys = values.servers?.split(',') ?? CONTENDERS;
const workloads = WORKLOADS.filter((one) => only === undefined || only.includes(one.key));

const why = skipWithout('nginx', 'wrk', 'taskset');
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
if (workloads.length === 0) {
  console.error(`bench: --only ${values.only}: known are ${WORKLOADS.map((one) => one.key).join(', ')}`);
  process.exit(2);
}
if (keys.some((key) => !CONTENDERS.includes(key))) {
  console.error(`bench: --servers ${values.servers}: known are ${CONTENDERS.join(', ')}`);
  process.exit(2);
}

const endings: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => endings.push(callback) });
try {
  const content = join(lab.folder, 'content');
  writeContent(content);
  const all = await startContenders(lab, content, keys);
  const rows: Row[] = [];
  for (const workload of workloads) {
    const servers = all.filter(
      (server) => !server.onlySmall || (workload.path === '/1k.html' && workload.pipeline === undefined),
    );
    const runs = new Map<string, Run[]>(servers.map((server) => [server.key, []]));
    // The first round warms up caches and compilers, and is not counted.
    for (let round = -1; round < rounds; round++) {
      for (const server of turn(servers, round)) {
        const run = await measure(lab.host, server, workload, seconds);
        if (round >= 0) runs.get(server.key)?.push(run);
      }
    }
    rows.push(rowOf(workload, servers, runs));
    console.log(`${table(rows.slice(-1), servers).split('\n').slice(2).join('\n')}`);
  }
  console.log(`\n${table(rows, all)}`);
  mkdirSync(join(values.output, '..'), { recursive: true });
  writeFileSync(values.output, `${JSON.stringify({ machine: machine(), rounds, seconds, rows }, null, 1)}\n`);
  console.log(`\nwritten to ${values.output}`);
} finally {
  for (const end of endings) await end();
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
