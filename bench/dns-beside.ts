/**
 * `npm run bench:dns-beside -- [ROUNDS] [SECONDS] [RATE]`: HTTP while RATE queries a second (default 20,000) are
 * answered on the same core, beside HTTP alone, in turns: our process on the kernel's sockets and on its own stack over
 * a TAP, and nginx beside NSD and beside Knot. Servers and load have a core each.
 *
 * Two loads. "Full": wrk takes what the core has left at 16 connections, so that queries show as their processor time:
 * 20,000 of 6 µs are 12 % fewer requests, unless something else becomes slower, too. "Part": each connection waits a
 * while between two requests, so that the core has time left, as most servers have. The last column is the time that a
 * query takes beside requests, with a request at what it takes alone. A server that looks for more before it sleeps
 * uses time for that alone, so the column says something under full load only.
 *
 * Prints medians, and ratios within a round. Needs root, nginx, nsd, knotd, wrk and dnsperf.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SITE as ZONE } from '../test/dns/peers.js';
import { Lab, type Program } from '../test/wire/lab.js';
import { MAIN, SITE } from '../test/wire/server.js';
import { nginx } from './contender.js';
import { answersNames, askQueries, LOAD_CORE, type Place, QUESTIONS, timeOf } from './dns-load.js';
import { startKnot, startNsd } from './dns-peers.js';
import { childrenOf } from './processes.js';
import { median } from './report.js';

const [rounds = 5, seconds = 3, rate = 20_000] = process.argv.slice(2).map(Number);
const HOST = '10.77.0.1';
const TAP = '10.77.0.80';
const SERVER_CORE = '0';

interface Kind {
  readonly name: string;
  readonly connections: number;
  /** ms between an answer and the next request of a connection. */
  readonly pause: number;
}

const KINDS: readonly Kind[] = [
  { name: 'full', connections: 16, pause: 0 },
  { name: 'part', connections: 16, pause: 2 },
];

interface Contender extends Place {
  readonly name: string;
  readonly url: string;
  readonly programs: readonly Program[];
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

async function contenders(): Promise<Contender[]> {
  writeFileSync(at('site.example.zone'), ZONE);
  writeFileSync(at('questions'), QUESTIONS);
  writeFileSync(
    at('pause.lua'),
    'function init(args) pause = tonumber(args[1]) end\nfunction delay() return pause end\n',
  );
  const ours = [MAIN, '--zone', at('site.example.zone'), '--dns-rate', '0', '--state', at('state')];
  const start = (...args: string[]): readonly Program[] => [
    lab.host.start('taskset', ['-c', SERVER_CORE, process.execPath, ...ours, ...args, SITE]),
  ];
  const sockets = ['--host', HOST, '--port', '8080', '--dns-port', '5303'];
  const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${TAP}/24`, '--no-ipv6'];
  const web = await nginx(lab, lab.host, 'nginx', `${HOST}:8081`, SITE);
  execFileSync('chmod', ['a+rx', lab.folder]);
  for (const pid of [web.child.pid!, ...childrenOf(web.child.pid!)])
    execFileSync('taskset', ['-a', '-p', '-c', SERVER_CORE, String(pid)], { stdio: 'ignore' });
  const beside = (name: string, port: number, program: Program): Contender => ({
    ...{ name: `nginx, ${name}`, address: HOST, port, url: `http://${HOST}:8081/`, programs: [web, program] },
  });
  return [
    beside('NSD', 5301, startNsd(lab, SERVER_CORE, HOST, 5301)),
    beside('Knot', 5302, startKnot(lab, SERVER_CORE, HOST, 5302)),
    { name: 'on sockets', address: HOST, port: 5303, url: `http://${HOST}:8080/`, programs: start(...sockets) },
    { name: 'over a TAP', address: TAP, port: 53, url: `http://${TAP}/`, programs: start(...direct) },
  ];
}

/** Nanoseconds that the servers took meanwhile, and what `work` returns. */
async function during<T>({ programs }: Contender, work: () => Promise<T>): Promise<[number, T]> {
  const time = (): number => programs.reduce((sum, { child }) => sum + timeOf(child.pid!), 0);
  const before = time();
  const result = await work();
  return [time() - before, result];
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

async function requests({ url }: Contender, { connections, pause }: Kind): Promise<Load> {
  const words = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  if (pause > 0) words.push('-s', at('pause.lua'));
  words.push(url);
  if (pause > 0) words.push('--', String(pause));
  const { stdout } = await client.run('taskset', ['-c', LOAD_CORE, 'wrk', ...words]);
  const [, late, unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  return { requests: Number(/(\d+) requests in/.exec(stdout)?.[1]), p99: Number(late) * (MILLISECONDS[unit] ?? NaN) };
}

async function measure(one: Contender, kind: Kind): Promise<Sample> {
  const load = { questions: at('questions'), seconds, rate };
  const [aloneTime, alone] = await during(one, () => requests(one, kind));
  const both = (): Promise<[number, Load]> => Promise.all([askQueries(client, one, load), requests(one, kind)]);
  const [bothTime, [answered, beside]] = await during(one, both);
  const query = (bothTime - (aloneTime / alone.requests) * beside.requests) / answered / 1000;
  return { alone, beside, answered: answered / seconds, query };
}

function line(name: string, samples: readonly Sample[]): string {
  const middle = (of: (sample: Sample) => number): number => median(samples.map(of));
  const rates = [middle(({ alone }) => alone.requests), middle(({ beside }) => beside.requests)];
  const ratio = middle(({ alone, beside }) => beside.requests / alone.requests).toFixed(2);
  const late = [middle(({ alone }) => alone.p99), middle(({ beside }) => beside.p99)].map((one) => one.toFixed(2));
  const queries = [String(Math.round(middle((one) => one.answered))), middle((one) => one.query).toFixed(2)];
  return `| ${[name, ...rates.map((one) => Math.round(one / seconds)), ratio, ...late, ...queries].join(' | ')} |`;
}

try {
  const all = await contenders();
  for (const one of all) {
    if (!(await answersNames(client, one))) throw new Error(`${one.name}: ${one.programs.at(-1)!.stderr}`);
    // Code is warm, and tables are filled.
    await measure(one, KINDS[0]!);
  }
  const rows = KINDS.flatMap((kind) => all.map((one) => ({ one, kind, samples: [] as Sample[] })));
  for (let round = 0; round < rounds; round++)
    for (const { one, kind, samples } of rows) samples.push(await measure(one, kind));
  console.log('| | requests a second | beside queries | ratio | p99, ms | beside | queries a second | µs each |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const { one, kind, samples } of rows) console.log(line(`${kind.name}: ${one.name}`, samples));
} finally {
  for (const one of closing) await one();
}
