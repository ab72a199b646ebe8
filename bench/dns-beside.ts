/**
 * `npm run bench:dns-beside -- [ROUNDS] [SECONDS] [RATE]`: HTTP while the same process answers RATE queries a second
 * (default 20,000), beside HTTP alone, on the kernel's sockets and on our own stack over a TAP. In each round queries
 * alone, requests alone, and both; server and load have a core each. A core that is busy has fewer requests a second
 * left for HTTP by what queries cost: so the figure is the processor time of a request, without the time that as many
 * queries took alone. Prints medians, and ratios within a round. Needs root, wrk and dnsperf.
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

interface Sample {
  /** Microseconds of processor time: of a request alone, of one beside queries, of a query alone. */
  readonly alone: number;
  readonly beside: number;
  readonly query: number;
  /** Requests a second, alone and beside queries. */
  readonly rates: readonly [number, number];
  /** Queries that were answered a second, beside requests. */
  readonly answered: number;
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

async function requests({ url }: Contender): Promise<number> {
  const words = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, url];
  const { stdout } = await client.run('taskset', ['-c', LOAD_CORE, 'wrk', ...words]);
  return Number(/(\d+) requests in/.exec(stdout)?.[1]);
}

async function measure(one: Contender): Promise<Sample> {
  const load = { questions: at('questions'), seconds, rate };
  const queries = (): Promise<number> => askQueries(client, one, load);
  const [queryTime, asked] = await during(one, queries);
  const [aloneTime, alone] = await during(one, () => requests(one));
  const [bothTime, [answered, beside]] = await during(one, () => Promise.all([queries(), requests(one)]));
  const query = queryTime / asked;
  return {
    alone: aloneTime / alone / 1000,
    beside: (bothTime - query * answered) / beside / 1000,
    query: query / 1000,
    rates: [alone / seconds, beside / seconds],
    answered: answered / seconds,
  };
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
  console.log('| | µs a request alone | beside queries | ratio | µs a query | requests a second | beside | queries |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [i, { name }] of all.entries()) {
    const middle = (of: (sample: Sample) => number): number => median(taken[i]!.map(of));
    const times = [middle(({ alone }) => alone), middle(({ beside }) => beside)].map((one) => one.toFixed(2));
    const ratio = middle(({ alone, beside }) => beside / alone).toFixed(2);
    const query = middle((one) => one.query).toFixed(2);
    const rates = [middle(({ rates }) => rates[0]), middle(({ rates }) => rates[1]), middle((one) => one.answered)];
    console.log(`| ${[name, ...times, ratio, query, ...rates.map(Math.round)].join(' | ')} |`);
  }
} finally {
  for (const one of closing) await one();
}
