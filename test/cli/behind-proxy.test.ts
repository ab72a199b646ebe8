/**
 * Behind another server: what named proxies say is believed, and of nobody else; the recipes of docs/proxies.md, run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

t.setTimeout(240_000);

const MAIN = resolve('build', 'src', 'main.js');
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

interface Served {
  readonly port: number;
  readonly log: () => string;
}

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'sk-proxied-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serve(t: Test, ...argv: string[]): Promise<Served> {
  const site = join(folder(t), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<title>site</title>');
  const all = [MAIN, '--port', '0', '--log', 'access', ...argv, site];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const [said] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { port: Number(/http:\S+:(\d+)/.exec(String(said))![1]), log: () => log };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(port: number, from: string, path = '/', headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((done, reject) => {
    const options = { host: '127.0.0.1', localAddress: from, port, path, headers, agent: false };
    get(options, (answer) => {
      answer.resume().on('end', () => done({ status: answer.statusCode!, headers: answer.headers }));
    }).on('error', reject);
  });
}

/** The lines of the log, once there are `count`: they are written in batches. */
async function lines({ log }: Served, count: number): Promise<string[]> {
  const all = (): string[] =>
    log()
      .split('\n')
      .filter((one) => / "[A-Z]+ /.test(one));
  for (let i = 0; i < 1000 && all().length < count; i++) await new Promise((next) => setTimeout(next, 10));
  return all();
}

const client = (line: string | undefined): string => line?.split(' ')[0] ?? '';

t.test('X-Forwarded-For: the last address that no named proxy wrote for is the client', async (t) => {
  const served = await serve(t, '--trusted-proxy', '127.0.0.1,10.0.0.0/8,2001:db8::/32');
  const says: readonly (readonly [string, string, string])[] = [
    ['127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['127.0.0.1', '6.6.6.6, 192.0.2.2', '192.0.2.2'],
    ['127.0.0.1', '6.6.6.6, 192.0.2.3, 10.1.2.3', '192.0.2.3'],
    ['127.0.0.1', '2001:DB9::5', '2001:db9::5'],
    ['127.0.0.1', '[2001:db9::6]:4711', '2001:db9::6'],
    ['127.0.0.1', '192.0.2.4:4711', '192.0.2.4'],
    ['127.0.0.1', '10.9.9.9', '10.9.9.9'],
    ['127.0.0.1', 'nonsense', '127.0.0.1'],
    ['127.0.0.1', '192.0.2.5, nonsense', '127.0.0.1'],
    ['127.0.0.1', '', '127.0.0.1'],
    ['127.0.0.9', '192.0.2.6', '127.0.0.9'],
  ];
  for (const [from, value] of says) await ask(served.port, from, '/', { 'X-Forwarded-For': value });
  const logged = await lines(served, says.length);
  for (const [i, [from, value, expected]] of says.entries())
    t.equal(client(logged[i]), expected, `${from} says "${value}"`);
});

t.test('Forwarded: its for and proto, where proxies are said to write it, and no other field', async (t) => {
  const served = await serve(
    t,
    '--trusted-proxy',
    '127.0.0.1,10.0.0.1',
    '--proxy-says',
    'forwarded',
    '--redirect-to',
    'https',
  );
  const says: readonly (readonly [string, string, number])[] = [
    ['for=192.0.2.1;proto=https', '192.0.2.1', 200],
    ['for=6.6.6.6;proto=http, for=192.0.2.2;proto=https', '192.0.2.2', 200],
    ['For="[2001:db8::1]:4711"; Proto=HTTPS', '2001:db8::1', 200],
    ['for="_a,b;c", for=192.0.2.3;proto=http', '192.0.2.3', 301],
    ['for=192.0.2.4;proto=https, for=10.0.0.1;by=x', '192.0.2.4', 200],
    ['for=unknown;proto=http', '127.0.0.1', 301],
    ['for=192.0.2.5', '192.0.2.5', 301],
  ];
  const statuses: number[] = [];
  for (const [value] of says) {
    const headers = { Forwarded: value, 'X-Forwarded-For': '7.7.7.7', 'X-Forwarded-Proto': 'https' };
    statuses.push((await ask(served.port, '127.0.0.1', '/', headers)).status);
  }
  const logged = await lines(served, says.length);
  for (const [i, [value, expected, status]] of says.entries())
    t.same([client(logged[i]), statuses[i]], [expected, status], value);
});

t.test('over HTTPS in front there is no redirect, and HSTS; both of named proxies alone', async (t) => {
  const { port } = await serve(t, '--trusted-proxy', '127.0.0.1', '--redirect-to', 'https', '--hsts', '1000');
  const https = { 'X-Forwarded-Proto': 'https' };
  for (let i = 0; i < 3; i++) {
    const good = await ask(port, '127.0.0.1', '/', https);
    t.same([good.status, good.headers['strict-transport-security']], [200, 'max-age=1000']);
    const other = await ask(port, '127.0.0.9', '/', https);
    t.same([other.status, other.headers['strict-transport-security']], [301, undefined], 'another’s word is none');
    const plain = await ask(port, '127.0.0.1', '/', { 'X-Forwarded-Proto': 'http' });
    t.same([plain.status, plain.headers['strict-transport-security']], [301, undefined]);
  }
});

t.test('--admin goes by the client that a named proxy tells of', async (t) => {
  const { port } = await serve(t, '--trusted-proxy', '127.0.0.1', '--status', '--admin', '192.0.2.0/24');
  const at = async (from: string, value: string): Promise<number> =>
    (await ask(port, from, '/status', { 'X-Forwarded-For': value })).status;
  t.equal(await at('127.0.0.1', '192.0.2.1'), 200);
  t.equal(await at('127.0.0.1', '192.0.2.1, 203.0.113.1'), 404, 'what the client wrote itself');
  t.equal(await at('127.0.0.9', '192.0.2.1'), 404, 'by nobody who is named');
});

t.test('--max-per-client does not take a proxy for one client', async (t) => {
  const { port } = await serve(t, '--trusted-proxy', '127.0.0.1', '--max-per-client', '1');
  const open = (from: string) => connect({ host: '127.0.0.1', port, localAddress: from });
  const sockets = ['127.0.0.1', '127.0.0.1', '127.0.0.9'].map(open);
  t.teardown(() => {
    for (const one of sockets) one.destroy();
  });
  await Promise.all(sockets.map((one) => once(one, 'connect')));
  t.equal((await ask(port, '127.0.0.1')).status, 200, 'a third connection of the proxy');
  t.equal((await ask(port, '127.0.0.9')).status, 503, 'a second one of a client');
});

t.test('--proxy-says without --trusted-proxy is bad usage', (t) => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, '--proxy-says', 'forwarded', '.'], {
    encoding: 'utf8',
  });
  t.equal(status, 2);
  t.match(stderr, /--trusted-proxy/);
  t.end();
});

// The recipes

const recipes = new Map(
  [...readFileSync(join('docs', 'proxies.md'), 'utf8').matchAll(/^```([a-z-]+)\n([\s\S]*?)^```$/gm)].map(
    ([, name, text]) => [name!, text!] as const,
  ),
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** Each program: how a recipe becomes a whole configuration, and how it is started with that. */
const PROGRAMS: Readonly<
  Record<string, (text: string, at: string) => { files: Record<string, string>; argv: string[] }>
> = {
  nginx: (text, at) => ({
    files: {
      'n.conf': `daemon off; pid ${at}/n.pid; error_log ${at}/n.err; worker_processes 1; events {}
http { access_log off; client_body_temp_path ${at}/1; proxy_temp_path ${at}/2; fastcgi_temp_path ${at}/3;
uwsgi_temp_path ${at}/4; scgi_temp_path ${at}/5; ${text} }`,
    },
    argv: ['nginx', '-c', `${at}/n.conf`],
  }),
  caddy: (text, at) => ({
    files: { Caddyfile: `{\n admin off\n auto_https off\n}\n${text}` },
    argv: ['caddy', 'run', '--config', `${at}/Caddyfile`, '--adapter', 'caddyfile'],
  }),
  haproxy: (text, at) => ({
    files: { 'h.cfg': `defaults\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n${text}` },
    argv: ['haproxy', '-db', '-f', `${at}/h.cfg`],
  }),
};

const RECIPES: readonly (readonly [string, string, string[], (text: string) => string])[] = [
  ['nginx', 'nginx', [], (text) => text],
  ['caddy', 'caddy', [], (text) => text],
  ['haproxy', 'haproxy', [], (text) => text],
  ['haproxy-tcp', 'haproxy', ['--proxy-says', 'proxy-protocol'], (text) => text],
  [
    'haproxy-tcp, version 1',
    'haproxy',
    ['--proxy-says', 'proxy-protocol'],
    (text) => text.replace('-proxy-v2', '-proxy'),
  ],
];

for (const [name, program, argv, change] of RECIPES) {
  t.test(`the recipe for ${name}`, { skip: !has(program) && `${program} is not here` }, async (t) => {
    const served = await serve(t, '--trusted-proxy', '127.0.0.1', ...argv);
    const [at, port] = [folder(t), await freePort()];
    const recipe = recipes.get(name.split(',')[0]!)!;
    const text = change(recipe)
      .replace('127.0.0.1:8080', `127.0.0.1:${served.port}`)
      .replace(/listen 80|bind :80|http:\/\/example\.org/, (one) => {
        if (one.startsWith('listen')) return `listen 127.0.0.1:${port}`;
        return one.startsWith('bind') ? `bind 127.0.0.1:${port}` : `http://127.0.0.1:${port}`;
      });
    t.ok(text.includes(String(port)) && text.includes(String(served.port)), 'the ports of the recipe were found');
    const { files, argv: command } = PROGRAMS[program]!(text, at);
    for (const [file, content] of Object.entries(files)) writeFileSync(join(at, file), content);
    const env = { ...process.env, XDG_DATA_HOME: at, XDG_CONFIG_HOME: at, HOME: at };
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], env });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    t.teardown(async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    });
    let answer: Answer | undefined;
    for (let i = 0; i < 600 && answer === undefined && child.exitCode === null; i++) {
      answer = await ask(port, '127.0.0.7', '/', { 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6' }).catch(
        () => undefined,
      );
      if (answer === undefined) await new Promise((next) => setTimeout(next, 50));
    }
    t.equal(answer?.status, 200, errors.slice(-500));
    const [line] = await lines(served, 1);
    t.equal(client(line), '127.0.0.7', 'the log has the client’s address');
  });
}
