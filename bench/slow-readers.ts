/**
 * `npm run bench:slow -- [COUNT] [RATE]`: what clients that each read RATE bytes a second of 10 MiB (default 10,000 of
 * them, 10 bytes) cost others: rates of 1 KiB pages on 64 connections, without and with them, by two servers in turns;
 * then what the slow ones' server does when nobody else asks. Needs root.
 */
import { join } from 'node:path';
import { Lab } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { CLIENT_CPU, ours, SERVER_CPU } from './contender.js';
import { cpuTime, residentBytes } from './processes.js';
import { median } from './report.js';
import { writeContent } from './workloads.js';

const ROUNDS = 7;
const SECONDS = 2;
const SERVERS = ['10.78.0.2', '10.78.0.3'];

const why = skipWithout('wrk', 'taskset');
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
const [count = '10000', rate = '10'] = process.argv.slice(2);
const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const endings: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => endings.push(callback) }, '10.78.0.1/16');
try {
  const content = join(lab.folder, 'content');
  writeContent(content);
  const pids: number[] = [];
  for (const [index, address] of SERVERS.entries()) {
    const direct = ['--net', 'direct', '--tap', `tap${index}`, '--bridge', 'br0', '--ipv4', `${address}/16`];
    const program = await ours(lab.host, [...direct, '--max-connections', '20000', content]);
    pids.push(program.child.pid as number);
    await lab.host.run('taskset', ['-a', '-p', '-c', SERVER_CPU, String(program.child.pid)]);
  }
  const memory = residentBytes(pids[1]!);
  lab.host.ip('tuntap add dev clients mode tap');
  lab.host.ip('link set clients master br0 up');
  const script = join(import.meta.dirname, 'holder.js');
  const holder = lab.host.start('taskset', [
    '-c',
    CLIENT_CPU,
    process.execPath,
    script,
    'clients',
    SERVERS[1]!,
    count,
    rate,
  ]);
  await holder.says(/ held/, 120);
  await wait(1);
  const loaded = residentBytes(pids[1]!);
  const rates: number[][] = SERVERS.map(() => []);
  const costs: number[][] = SERVERS.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, address] of SERVERS.entries()) {
      const before = cpuTime(pids[index]!);
      const wrk = ['-c', CLIENT_CPU, 'wrk', '-t1', '-c64', `-d${SECONDS}s`, `http://${address}/1k.html`];
      const { stdout } = await lab.host.run('taskset', wrk);
      const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
      // The first round warms both up.
      if (round === 0) continue;
      rates[index]!.push(requests / SECONDS);
      costs[index]!.push((cpuTime(pids[index]!) - before) / requests / 1000);
    }
  }
  const before = cpuTime(pids[1]!);
  await wait(5);
  const busy = (cpuTime(pids[1]!) - before) / 5e7;
  const line = (index: number): string =>
    `${Math.round(median(rates[index]!))} requests/s, ${median(costs[index]!).toFixed(2)} µs`;
  console.log(`1 KiB, 64 connections, by a server of which nobody reads slowly: ${line(0)}`);
  console.log(`by one with ${count} clients that read ${rate} bytes a second: ${line(1)}`);
  const each = ((loaded - memory) / Number(count)).toFixed(0);
  console.log(
    `those cost ${each} bytes of resident memory each, and ${busy.toFixed(2)} % of a CPU when nobody else asks`,
  );
} finally {
  for (const end of endings) await end();
}
