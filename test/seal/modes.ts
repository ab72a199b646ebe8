/** Ways of serving, each run under strace(1) from start to end, with what a server does in between. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Lab, Program } from '../wire/lab.js';
import { type Made, sealedCalls } from './strace.js';

const MAIN = resolve('build', 'src', 'main.js');
const ADDRESS = '10.79.0.9';

interface Mode {
  readonly name: string;
  readonly args: readonly string[];
  /** What it says when it serves; the first group is where. */
  readonly serves: RegExp;
  /** What happens between the first answers and the end. */
  readonly meanwhile?: (server: Program) => Promise<void>;
}

function modesOf(folder: string): Mode[] {
  const bundle = join(folder, 'site.bundle');
  const site = join(folder, 'site');
  const serves = /listening on (\S+)/;
  const reload = async (server: Program): Promise<void> => {
    execFileSync(process.execPath, [MAIN, 'bundle', site, '-o', bundle], { stdio: 'ignore' });
    server.signal('SIGHUP');
    await new Promise((done) => setTimeout(done, 500));
  };
  const state = ['--state', join(folder, 'state')];
  const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${ADDRESS}/24`, ...state];
  return [
    { name: 'sockets', args: ['--port', '0', '--log', 'all', bundle], serves, meanwhile: reload },
    {
      name: 'directory',
      args: ['--port', '0', '--watch', site],
      serves,
      meanwhile: async () => {
        writeFileSync(join(site, 'more.html'), 'more');
        await new Promise((done) => setTimeout(done, 1500));
      },
    },
    {
      name: 'https',
      args: ['--tls', 'self-signed', '--http-port', '0', '--https-port', '0', ...state, bundle],
      serves,
      meanwhile: reload,
    },
    { name: 'workers', args: ['--port', '0', '--workers', '2', bundle], serves, meanwhile: reload },
    {
      name: 'supervised',
      args: ['supervise', '--control', join(folder, 'control.sock'), '--', '--port', '0', bundle],
      serves: /serving on (\S+)/,
    },
    { name: 'direct', args: [...direct, bundle], serves },
  ];
}

/** Runs them all in `lab`. Answers what each called when it was sealed. */
export async function traceModes(lab: Lab): Promise<Map<string, Made>> {
  const { folder, host } = lab;
  mkdirSync(join(folder, 'site'));
  // The folder of a site is watched as well: a trace that is written there would be traced without end.
  mkdirSync(join(folder, 'traces'));
  writeFileSync(join(folder, 'site', 'index.html'), '<title>traced</title>');
  execFileSync(process.execPath, [MAIN, 'bundle', join(folder, 'site'), '-o', join(folder, 'site.bundle')], {
    stdio: 'ignore',
  });
  const found = new Map<string, Made>();
  for (const { name, args, serves, meanwhile } of modesOf(folder)) {
    const out = join(folder, 'traces', name);
    const strace = ['-f', '-qq', '-s', '0', '-o', out, '--', process.execPath, MAIN, ...args];
    const server = host.start('strace', strace, { NODE_OPTIONS: '' });
    const [, url] = await server.says(serves, 120);
    for (const method of ['GET', 'HEAD', 'GET']) {
      const answer = await host.run('curl', [
        '-sk',
        '-m',
        '20',
        '-X',
        method,
        '-o',
        '/dev/null',
        ...(method === 'HEAD' ? ['-I'] : []),
        url!,
      ]);
      if (answer.status !== 0) throw new Error(`${name}: curl ended with ${answer.status}: ${answer.stderr}`);
    }
    await meanwhile?.(traced(server, out));
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
