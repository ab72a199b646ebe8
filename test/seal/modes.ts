/** Runs ways of serving under strace(1), each from start to end, with what a server does in between. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Lab, Program } from '../wire/lab.js';
import { type Made, sealedCalls } from './strace.js';
import { askPages, type Way } from './ways.js';

const MAIN = resolve('build', 'src', 'main.js');

/** Runs `ways` in `lab`, by `node`. Answers what each called when it was sealed. */
export async function traceModes(
  lab: Lab,
  ways: (lab: Lab) => Promise<readonly Way[]>,
  node = process.execPath,
): Promise<Map<string, Made>> {
  const { folder, host } = lab;
  // The folder of a site is watched as well: a trace that is written there would be traced without end.
  mkdirSync(join(folder, 'traces'));
  const found = new Map<string, Made>();
  for (const { name, args, env, serves, ask = askPages, meanwhile } of await ways(lab)) {
    const out = join(folder, 'traces', name.replaceAll(' ', '-'));
    const strace = ['-f', '-qq', '-s', '0', '-o', out, '--', node, MAIN, ...args];
    const server = host.start('strace', strace, { NODE_OPTIONS: '', ...env });
    const [, url] = await server.says(serves, 120);
    await ask(lab, url!, name);
    await meanwhile?.(traced(server, out), lab);
    await endOf(server, out);
    found.set(name, sealedCalls(readFileSync(out, 'latin1')));
  }
  return found;
}

/** Signals go to the server itself, the first thread of the trace; strace would keep them. */
function traced(server: Program, out: string): Program {
  return Object.assign(Object.create(server) as Program, {
    signal: (name: NodeJS.Signals) => process.kill(firstOf(out), name),
  });
}

async function endOf(server: Program, out: string): Promise<void> {
  process.kill(firstOf(out), 'SIGTERM');
  const timer = setTimeout(() => server.signal('SIGKILL'), 20_000);
  await server.exit;
  clearTimeout(timer);
}

function firstOf(out: string): number {
  const pid = existsSync(out) ? Number.parseInt(readFileSync(out, 'latin1'), 10) : Number.NaN;
  if (Number.isNaN(pid)) throw new Error('strace has written nothing');
  return pid;
}
