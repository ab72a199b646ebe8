/**
 * `npm run bench:runtimes -- [ROUNDS]`: the lines of Node that the package is tried on, beside the one that runs this:
 * processor time until a server says where it listens, and for one request of 1 KiB, over HTTP/1.1 and HTTP/2 without
 * TLS on sockets; in turns, medians of ROUNDS (default 7), and their ratio to the oldest line. Needs wrk and h2load.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installRuntimes, RUNTIMES } from '../test/run/runtimes.js';
import { skipWithout } from '../test/wire/needs.js';
import { MAIN } from '../test/wire/server.js';
import { cpuTime } from './processes.js';
import { median } from './report.js';

const SECONDS = 4;
const WARM_UP = 20_000;
const ROWS = ['start, ms', 'HTTP/1.1, µs', 'HTTP/2, µs'] as const;

interface Runtime {
  readonly name: string;
  readonly node: string;
  /** One list of figures for each row. */
  readonly figures: readonly number[][];
}

/** Requests that it has answered. */
type Load = (url: string) => number;

const loads: readonly Load[] = [
  (url) => Number(/(\d+) requests in/.exec(run('wrk', '-t1', '-c64', `-d${SECONDS}s`, url))?.[1]),
  (url) => Number(/(\d+) succeeded/.exec(run('h2load', '-t1', '-c8', '-m16', `-D${SECONDS}`, url))?.[1]),
];

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

async function measure(node: string, bundle: string): Promise<number[]> {
  const child = spawn(node, [MAIN, '--port', '0', bundle], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    let said = '';
    for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      said += text;
      if (/listening on \S+\n/.test(said)) break;
    }
    const start = cpuTime(child.pid!) / 1e6;
    const [, url] = /listening on (\S+)/.exec(said) ?? [];
    if (url === undefined) throw new Error(`${node} ended without an address`);
    run('wrk', '-t1', '-c64', '-d1s', url);
    run('h2load', '-t1', '-c8', '-m16', `-n${WARM_UP}`, url);
    const perRequest = loads.map((load) => {
      const before = cpuTime(child.pid!);
      const requests = load(url);
      return (cpuTime(child.pid!) - before) / 1000 / requests;
    });
    return [start, ...perRequest];
  } finally {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
}

const why = skipWithout('wrk', 'h2load');
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
installRuntimes();
const rounds = Number(process.argv[2] ?? 7);
const folder = mkdtempSync(join(tmpdir(), 'sitekernel-runtimes-'));
try {
  const bundle = join(folder, 'site.bundle');
  writeFileSync(join(folder, 'index.html'), `<!doctype html><title>page</title>${'x'.repeat(990)}`);
  run(process.execPath, MAIN, 'bundle', folder, '-o', bundle);
  const figures = (): number[][] => ROWS.map(() => []);
  // By line, in the order of numbers: the oldest is what others are compared with.
  const runtimes: Runtime[] = Object.entries(RUNTIMES)
    .filter(([, node]) => existsSync(node))
    .map(([line, node]) => ({ name: `Node ${line}`, node, figures: figures() }));
  for (let round = 0; round < rounds; round++)
    for (const one of runtimes)
      for (const [row, value] of (await measure(one.node, bundle)).entries()) one.figures[row]!.push(value);
  console.log(['', ...runtimes.map(({ name }) => name)].map((word) => word.padStart(14)).join(''));
  for (const [row, title] of ROWS.entries()) {
    const first = median(runtimes[0]!.figures[row]!);
    const cells = runtimes.map((one) => {
      const value = median(one.figures[row]!);
      return `${value.toFixed(1)} (${(value / first).toFixed(2)})`;
    });
    console.log([title, ...cells].map((word) => word.padStart(14)).join(''));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
