/**
 * `npm run bench:dns -- [ROUNDS] [SECONDS] [RATE]`: processor time of one query, in turns: NSD, Knot, our server on the
 * kernel's sockets and on its own stack over a TAP. dnsperf asks 16 kinds of question from another namespace, RATE a
 * second (default 0: as fast as each of them answers); servers and load have a core each. Prints medians, and ratios to
 * NSD's within a round: other work of the machine falls out of those. Needs root, nsd, knotd and dnsperf.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SITE as ZONE } from '../test/dns/peers.js';
import { Lab, type Program } from '../test/wire/lab.js';
import { MAIN, SITE } from '../test/wire/server.js';
import { answersNames, askQueries, QUESTIONS, timeOf } from './dns-load.js';
import { startKnot, startNsd } from './dns-peers.js';
import { median } from './report.js';

const [rounds = 5, seconds = 3, rate = 0] = process.argv.slice(2).map(Number);
const HOST = '10.77.0.1';
const TAP = '10.77.0.80';
const SERVER_CORE = '0';

interface Contender {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly program: Program;
}

interface Sample {
  readonly name: string;
  /** Microseconds of processor time. */
  readonly each: number;
  readonly answered: number;
}

const closing: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => void closing.push(callback) }, `${HOST}/24`);
const client = lab.client('10.77.0.2/24');
const at = (name: string): string => join(lab.folder, name);

function start(command: string, ...args: string[]): Program {
  return lab.host.start('taskset', ['-c', SERVER_CORE, command, ...args]);
}

function contenders(): Contender[] {
  writeFileSync(at('site.example.zone'), ZONE);
  writeFileSync(at('questions'), QUESTIONS);
  const ours = [MAIN, '--zone', at('site.example.zone'), '--dns-rate', '0', '--state', at('state')];
  const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${TAP}/24`, '--no-ipv6'];
  const sockets = ['--host', HOST, '--port', '8080', '--dns-port', '5303'];
  return [
    { name: 'NSD', address: HOST, port: 5301, program: startNsd(lab, SERVER_CORE, HOST, 5301) },
    { name: 'Knot', address: HOST, port: 5302, program: startKnot(lab, SERVER_CORE, HOST, 5302) },
    { name: 'on sockets', address: HOST, port: 5303, program: start(process.execPath, ...ours, ...sockets, SITE) },
    { name: 'over a TAP', address: TAP, port: 53, program: start(process.execPath, ...ours, ...direct, SITE) },
  ];
}

async function ready({ name, address, port, program }: Contender): Promise<void> {
  if (!(await answersNames(client, { address, port }))) throw new Error(`${name} does not answer: ${program.stderr}`);
}

async function measure({ name, address, port, program }: Contender): Promise<Sample> {
  const pid = program.child.pid!;
  const before = timeOf(pid);
  const completed = await askQueries(client, { address, port }, { questions: at('questions'), seconds, rate });
  const used = timeOf(pid) - before;
  return { name, each: used / 1000 / completed, answered: completed / seconds };
}

try {
  const all = contenders();
  for (const one of all) await ready(one);
  // Code is warm, and tables are filled.
  for (const one of all) await measure(one);
  const taken: Sample[][] = [];
  for (let round = 0; round < rounds; round++) {
    const row: Sample[] = [];
    for (const one of round % 2 === 0 ? all : [...all].reverse()) row.push(await measure(one));
    taken.push(row);
  }
  console.log(`| | µs a query | of NSD's | answers a second |\n|---|---|---|---|`);
  for (const { name } of all) {
    const own = taken.map((row) => row.find((one) => one.name === name)!);
    const ratios = taken.map((row, i) => own[i]!.each / row.find((one) => one.name === 'NSD')!.each);
    const [each, ratio] = [median(own.map((one) => one.each)), median(ratios)];
    const answered = Math.round(median(own.map((one) => one.answered)));
    console.log(`| ${name} | ${each.toFixed(2)} | ${ratio.toFixed(2)} | ${answered} |`);
  }
} finally {
  for (const one of closing) await one();
}
