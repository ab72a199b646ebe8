/** Ways of serving: how a server is started, what it is asked, and what happens to it before its end. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askControl } from '../../src/control/client.js';
import { SITE as ZONE } from '../dns/peers.js';
import type { Lab, Program } from '../wire/lab.js';
import { ADDRESS as AUTHORITY, DIRECTORY, startPebble } from '../wire/pebble.js';

const MAIN = resolve('build', 'src', 'main.js');
const ADDRESS = '10.79.0.9';
const NAME = 'www.example.test';

export interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it says when it serves; the first group is where. */
  readonly serves: RegExp;
  /** Some pages over HTTP by default. */
  readonly ask?: (lab: Lab, url: string, name: string) => Promise<void>;
  /** What happens between the first answers and the end. */
  readonly meanwhile?: (server: Program, lab: Lab) => Promise<void>;
}

const serves = /listening on (\S+)/;
const servesSupervised = /serving on (\S+)/;

async function curl({ host }: Lab, name: string, ...words: string[]): Promise<void> {
  const answer = await host.run('curl', ['-sk', '-m', '30', ...words]);
  if (answer.status !== 0) throw new Error(`${name}: curl ended with ${answer.status}: ${answer.stderr}`);
}

export async function askPages(lab: Lab, url: string, name: string): Promise<void> {
  for (const method of ['GET', 'HEAD', 'GET'])
    await curl(lab, name, '-X', method, '-o', '/dev/null', ...(method === 'HEAD' ? ['-I'] : []), url);
}

function bundle(folder: string): void {
  execFileSync(process.execPath, [MAIN, 'bundle', join(folder, 'site'), '-o', join(folder, 'site.bundle')], {
    stdio: 'ignore',
  });
}

/** The folder of a site, its bundle, and where state lies. */
function made({ folder }: Lab): { site: string; file: string; state: string[] } {
  const site = join(folder, 'site');
  mkdirSync(site, { recursive: true });
  writeFileSync(join(site, 'index.html'), '<title>traced</title>');
  bundle(folder);
  return { site, file: join(folder, 'site.bundle'), state: ['--state', join(folder, 'state')] };
}

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

async function reload(server: Program, lab: Lab): Promise<void> {
  bundle(lab.folder);
  server.signal('SIGHUP');
  await pause(500);
}

function direct(state: readonly string[]): string[] {
  return ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${ADDRESS}/24`, ...state];
}

/** The ways that most servers run in. */
async function plainWays(lab: Lab): Promise<readonly Way[]> {
  const { folder } = lab;
  const { site, file, state } = made(lab);
  const tls = ['--tls', 'self-signed', '--http-port', '0', '--https-port', '0', ...state];
  return [
    { name: 'sockets', args: ['--port', '0', '--log', 'all', file], serves, meanwhile: reload },
    {
      name: 'directory',
      args: ['--port', '0', '--watch', site],
      serves,
      meanwhile: async () => {
        writeFileSync(join(site, 'more.html'), 'more');
        await pause(1500);
      },
    },
    large(folder),
    { name: 'https', args: [...tls, file], serves, meanwhile: reload },
    { name: 'workers', args: ['--port', '0', '--workers', '2', file], serves, meanwhile: reload },
    {
      name: 'supervised',
      args: ['supervise', '--control', join(folder, 'control.sock'), '--', '--port', '0', file],
      serves: servesSupervised,
    },
    { name: 'direct', args: [...direct(state), file], serves },
  ];
}

/** The ways that need more: other programs, other protocols, a program that follows another. */
async function furtherWays(lab: Lab): Promise<readonly Way[]> {
  const { folder } = lab;
  const { site, file, state } = made(lab);
  return [
    {
      name: 'h2',
      args: ['--tls', 'self-signed', '--http-port', '0', '--https-port', '0', ...state, file],
      serves,
      ask: (lab, url, name) => curl(lab, name, '--http2', '-o', '/dev/null', url, '-o', '/dev/null', `${url}none`),
    },
    {
      name: 'proxies',
      args: ['--port', '0', '--log', 'all', '--trusted-proxy', '127.0.0.0/8', '--proxy-says', 'proxy-protocol', file],
      serves,
      ask: (lab, url, name) => curl(lab, name, '--haproxy-protocol', '-o', '/dev/null', url),
    },
    gitWay(site),
    namesWay(folder, file),
    {
      name: 'direct workers',
      args: [...direct(state), '--workers', '2', file],
      serves,
      meanwhile: reload,
    },
    handOver(folder, 'hand-over on sockets', ['--port', '0', file]),
    handOver(folder, 'hand-over on a TAP', [...direct(state), file]),
  ];
}

/** With Pebble in the lab. */
async function acmeWays(lab: Lab): Promise<readonly Way[]> {
  const { file, state } = made(lab);
  const { ca } = await startPebble(lab);
  const acme = ['--acme', 'admin@example.test', '--agree-tos', '--domain', NAME, '--acme-directory', DIRECTORY];
  const ports = ['--net', 'socket', '--host', AUTHORITY, '--port', '80', '--https-port', '443'];
  return [
    {
      name: 'acme',
      args: [...ports, '--log', 'net', ...state, ...acme, file],
      env: { NODE_EXTRA_CA_CERTS: ca },
      serves,
      meanwhile: async (server) => {
        await server.says(/is ready/, 120);
        execFileSync(process.execPath, [MAIN, 'certificate', 'renew', ...state], { stdio: 'ignore' });
        server.signal('SIGHUP');
        await server.says(/it was asked for[\s\S]*is ready/, 120);
      },
    },
  ];
}

type Group = readonly [name: string, ways: (lab: Lab) => Promise<readonly Way[]>, programs: readonly string[]];

/** Groups of ways, each for a lab of its own, with the programs that it needs. */
export const WAYS: readonly [Group, ...Group[]] = [
  ['the ways that most servers run in', plainWays, []],
  ['the ways with other protocols and programs', furtherWays, ['git', 'dig']],
  ['the way with certificates of an authority', acmeWays, ['pebble', 'pebble-challtestsrv', 'openssl']],
];

function gitWay(site: string): Way {
  const git = (...words: string[]): void => {
    execFileSync('git', ['-C', site, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], {
      stdio: 'ignore',
    });
  };
  const commit = (): void => {
    git('add', '-A');
    git('commit', '-q', '-m', 'a page');
  };
  git('init', '-q');
  commit();
  return {
    name: 'git',
    args: ['--port', '0', '--mtime', 'git', '--log', 'net', site],
    serves,
    meanwhile: async (server) => {
      writeFileSync(join(site, 'later.html'), 'later');
      commit();
      server.signal('SIGHUP');
      await server.says(/now serving/, 60);
    },
  };
}

/** A name server with DNSSEC, whose secondary is told of a new version and fetches it. */
function namesWay(folder: string, file: string): Way {
  const zone = join(folder, 'site.example.zone');
  const keys = join(folder, 'keys');
  const secret = randomBytes(32).toString('base64');
  writeFileSync(zone, ZONE);
  writeFileSync(keys, `hmac-sha256:xfr-key:${secret}\n`);
  const zones = ['--zone', zone, '--dnssec', '--dns-port', '0', '--dns-keys', keys, '--dns-secondary'];
  return {
    name: 'names',
    args: ['--port', '0', '--state', join(folder, 'names'), ...zones, '127.0.0.1@5399#xfr-key', file],
    serves: /listening on (\S+)[\s\S]*answering names at (?:\S+)/,
    meanwhile: async (server, { host }) => {
      const [, port] = await server.says(/answering names at \S*?:(\d+)/);
      for (const words of [
        ['www.site.example', 'A'],
        ['+tcp', 'none.site.example', 'A'],
        ['-y', `hmac-sha256:xfr-key:${secret}`, 'site.example', 'AXFR'],
      ])
        await host.run('dig', ['-p', port!, '@127.0.0.1', ...words]);
      writeFileSync(zone, ZONE.replace('2026112301', '2026112302'));
      server.signal('SIGHUP');
      await pause(1500);
    },
  };
}

/** More than is compressed before a start: threads begin to, once the server is sealed. */
function large(folder: string): Way {
  const site = join(folder, 'large');
  mkdirSync(site);
  const text = (i: number): string => `page ${i}: ${randomBytes(20_000).toString('hex')}`;
  for (let i = 0; i < 40; i++) writeFileSync(join(site, `${i}.html`), text(i));
  return {
    name: 'compressing',
    args: ['--port', '0', '--log', 'net', site],
    env: { XDG_CACHE_HOME: join(folder, 'empty') },
    serves,
    ask: (lab, url, name) => curl(lab, name, '-o', '/dev/null', `${url}1`),
    meanwhile: async (server) => {
      await server.says(/all is compressed/, 120);
    },
  };
}

/** One program after another: each begins while the one before still serves, and the first is sealed already. */
function handOver(folder: string, name: string, args: readonly string[]): Way {
  const control = join(folder, `${name.replaceAll(' ', '-')}.sock`);
  return {
    name,
    args: ['supervise', '--control', control, '--handover-drain', '1', '--', ...args],
    serves: servesSupervised,
    meanwhile: async (_server, lab) => {
      const answer = await askControl(control, { do: 'replace' }, 120_000);
      if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer)}`);
      const { url } = (await askControl(control, { do: 'status' })) as unknown as { url: string };
      await askPages(lab, url, name);
      await pause(2500);
    },
  };
}
