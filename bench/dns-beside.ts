/**
 * `npm run bench:dns-beside -- [ROUNDS] [SECONDS] [RATE]`: HTTP while the same process answers RATE queries a second
 * (default 20,000), beside HTTP alone, on the kernel's sockets and on our own stack over a TAP, in turns. Server and
 * load have a core each. wrk takes what the core has left at 16 connections, so that queries show as their processor
 * time: 20,000 of 6 µs are 12 % fewer requests, unless something else becomes slower, too. That is what the last column
 * says: the time that a query takes beside requests, with a request at what it takes alone. Prints medians, and ratios
 * within a round. Needs root, wrk and dnsperf.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SITE as ZONE } from '../test/dns/peers.js';
import { Lab, type Program } from '../test/wire/lab.js';
import { MAIN, SITE } from '../test/wire/server.js';
import { answersNames, askQueries, LOAD_CORE, type Place, QUESTIONS, timeOf } from './dns-load.js';
import { median } from './report.js';

const [rounds = 5, seconds = 3, rate = 20_000] = process.argv.slice(2).map(Number);
const HOST = '10.77.0.1';
const TAP = '10.77.0.80';
const SERVER_CORE = '0';
const CONNECTIONS = 16;

interface Contender extends Place {
  readonly name: string;
  readonly url: string;
  readonly program: Program;
}

interface Load {
  readonly requests: number;
  /** Milliseconds. */
  readonly p99: number;
}

interface Sample {
  readonly alone: Load;
  readonly beside: Load;
  /** Queries that were answered a second. */
  readonly answered: number;
  /** Microseconds of processor time. */
  readonly query: number;
}

const closing: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => void closing.push(callback) }, `${HOST}/24`);
const client = lab.client('10.77.0.2/24');
const at = (name: string): string => join(lab.folder, name);

function contenders(): Contender[] {
  writeFileSync(at('site.example.zone'), ZONE);
  writeFileSync(at('questions'), QUESTIONS);
  const ours = [MAIN, '--zone', at('site.example.zone'), '--dns-rate', '0', '--state', at('state')];
  const start = (...args: string[]): Program =>
    lab.host.start('taskset', ['-c', SERVER_CORE, process.execPath, ...ours, ...args, SITE]);
  const sockets = ['--host', HOST, '--port', '8080', '--dns-port', '5303'];
  const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${TAP}/24`, '--no-ipv6'];
  return [
    { name: 'on sockets', address: HOST, port: 5303, url: `http://${HOST}:8080/`, program: start(...sockets) },
    { name: 'over a TAP', address: TAP, port: 53, url: `http://${TAP}/`, program: start(...direct) },
  ];
}

/** Nanoseconds that the server took meanwhile, and what `work` returns. */
async function during<T>({ program }: Contender, work: () => Promise<T>): Promise<[number, T]> {
  const before = timeOf(program.child.pid!);
  const result = await work();
  return [timeOf(program.child.pid!) - before, result];
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

async function requests({ url }: Contender): Promise<Load> {
  const words = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', url];
  const { stdout } = await client.run('taskset', ['-c', LOAD_CORE, 'wrk', ...words]);
  const [, late, unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  return { requests: Number(/(\d+) requests in/.exec(stdout)?.[1]), p99: Number(late) * (MILLISECONDS[unit] ?? NaN) };
}

async function measure(one: Contender): Promise<Sample> {
  const load = { questions: at('questions'), seconds, rate };
  const [aloneTime, alone] = await during(one, () => requests(one));
  const both = (): Promise<[number, Load]> => Promise.all([askQueries(client, one, load), requests(one)]);
  const [bothTime, [answered, beside]] = await during(one, both);
  const query = (bothTime - (aloneTime / alone.requests) * beside.requests) / answered / 1000;
  return { alone, beside, answered: answered / seconds, query };
}

try {
  const all = contenders();
  for (const one of all) {
    if (!(await answersNames(client, one))) throw new Error(`${one.name} does not answer: ${one.program.stderr}`);
    // Code is warm, and tables are filled.
    await measure(one);
  }
  const taken = all.map(() => [] as Sample[]);
  for (let round = 0; round < rounds; round++) for (const [i, one] of all.entries()) taken[i]!.push(await measure(one));
  console.log('| | requests a second | beside queries | ratio | p99, ms | beside | queries a second | µs each |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [i, { name }] of all.entries()) {
    const middle = (of: (sample: Sample) => number): number => median(taken[i]!.map(of));
    const rates = [middle(({ alone }) => alone.requests), middle(({ beside }) => beside.requests)];
    const ratio = middle(({ alone, beside }) => beside.requests / alone.requests).toFixed(2);
    const late = [middle(({ alone }) => alone.p99), middle(({ beside }) => beside.p99)].map((one) => one.toFixed(2));
    const queries = [String(Math.round(middle((one) => one.answered))), middle((one) => one.query).toFixed(2)];
    console.log(
      `| ${[name, ...rates.map((one) => Math.round(one / seconds)), ratio, ...late, ...queries].join(' | ')} |`,
    );
  }
} finally {
  for (const one of closing) await one();
}
