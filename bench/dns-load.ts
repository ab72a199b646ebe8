/** Queries for a name server that is measured: dnsperf, on a core of its own, from another namespace. */
import type { Namespace } from '../test/wire/lab.js';
import { childrenOf, cpuTime } from './processes.js';

export const LOAD_CORE = '1';

/** 16 kinds of question about the zone of `test/dns/peers.ts`. */
export const QUESTIONS = `site.example A
site.example AAAA
site.example MX
site.example NS
site.example SOA
site.example CAA
site.example HTTPS
www.site.example A
www.site.example AAAA
a.wild.site.example A
b.star.site.example A
towild.site.example A
nothing.site.example A
site.example TXT
x.sub.site.example A
ent.site.example A
`;

export interface Place {
  readonly address: string;
  readonly port: number;
}

interface Load {
  /** A file of `QUESTIONS`. */
  readonly questions: string;
  readonly seconds: number;
  /** Queries a second; 0: as many as are answered. */
  readonly rate: number;
}

/** All threads of a process and of those below it, ns. */
export function timeOf(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + timeOf(child), cpuTime(pid));
}

/** Asks until it answers; false: it does not. */
export async function answersNames(client: Namespace, { address, port }: Place): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const words = [`@${address}`, '-p', String(port), '+short', '+time=1', '+tries=1', 'www.site.example', 'A'];
    const { stdout } = await client.run('dig', words);
    if (stdout.includes('192.0.2.2')) return true;
  }
  return false;
}

/** Returns how many were answered. */
export async function askQueries(
  client: Namespace,
  { address, port }: Place,
  { questions, seconds, rate }: Load,
): Promise<number> {
  const words = ['-s', address, '-p', String(port), '-d', questions, '-l', String(seconds), '-c', '8', '-T', '1'];
  if (rate > 0) words.push('-Q', String(rate));
  const { stdout } = await client.run('taskset', ['-c', LOAD_CORE, 'dnsperf', ...words]);
  return Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
}
