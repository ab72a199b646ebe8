/**
 * The servers that are compared, each in its place: this program on a TAP and on sockets, nginx over veth and over
 * loopback, and others over loopback where they are installed. All run all the time; only one is asked at a time.
 *
 * `host` is the clients' namespace. The TAP lies in it, and so does what answers over loopback; nginx over veth has a
 * namespace of its own. nginx sends with CUBIC: BBR's pacing, the default of some machines, would make it slower than
 * it is.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findCommand } from '../test/run/packages.js';
import type { Lab, Namespace, Program } from '../test/wire/lab.js';
import { MAIN } from '../test/wire/server.js';
import { childrenOf, cpuTime } from './processes.js';

export const SERVER_CPU = '0';
export const CLIENT_CPU = '1';

export interface Contender {
  readonly key: string;
  readonly title: string;
  /** Against which other one its ratio is taken. */
  readonly against: string | undefined;
  /** Several where it can be set up in several ways: the one that serves it best in a row is used there. */
  readonly urls: readonly string[];
  /** It answers everything with 1 KiB, so it takes part only where that is asked for. */
  readonly onlySmall: boolean;
  /** Shown for comparison: takes part in few rounds. */
  readonly peer: boolean;
  /** Nanoseconds of CPU that it has used. */
  cpu(): number;
  /** Binds all of it to these CPUs. */
  pin(cpus: string): void;
  /** Milliseconds of each pause for garbage so far; none where there is no such thing. */
  pauses(): readonly number[];
}

function pin(pid: number, cpus: string): void {
  execFileSync('taskset', ['-a', '-p', '-c', cpus, String(pid)], { stdio: 'ignore' });
}

type Named = Pick<Contender, 'key' | 'title' | 'against' | 'urls'> & Partial<Contender>;

function contender(named: Named, pids: readonly number[]): Contender {
  return {
    onlySmall: false,
    peer: false,
    cpu: () => pids.reduce((sum, pid) => sum + cpuTime(pid), 0),
    pin: (cpus) => {
      for (const pid of pids) pin(pid, cpus);
    },
    pauses: () => [],
    ...named,
  };
}

const BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so';

/** Answers on `address`, and with `tcp_nopush` on the port a thousand above. */
export async function nginx(lab: Lab, place: Namespace, name: string, address: string, root: string): Promise<Program> {
  const folder = join(lab.folder, name);
  mkdirSync(folder);
  const config = join(folder, 'nginx.conf');
  const brotli = existsSync(BROTLI);
  const [host, port] = address.split(':');
  writeFileSync(
    config,
    `${brotli ? `load_module ${BROTLI};` : ''}
worker_processes 1;
daemon off;
user root;
pid ${folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  open_file_cache_valid 600s;
  gzip_static on;
  ${brotli ? 'brotli_static on;' : ''}
  types { text/html html; text/css css; image/svg+xml svg; font/woff2 woff2; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen ${address} backlog=4096; root ${root}; tcp_nopush off; }
  server { listen ${host}:${Number(port) + 1000} backlog=4096; root ${root}; tcp_nopush on; }
}
`,
  );
  const program = place.start('nginx', ['-c', config, '-e', 'stderr']);
  for (let tries = 0; tries < 100; tries++) {
    if (!program.running) throw new Error(`nginx: ${program.stderr}`);
    if (childrenOf(program.child.pid as number).length > 0) return program;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nginx did not start its worker');
}

export async function ours(place: Namespace, args: readonly string[]): Promise<Program> {
  const program = place.start(process.execPath, ['--trace-gc', MAIN, ...args]);
  await program.says(/^listening on /m, 30);
  return program;
}

/** Out of what `--trace-gc` printed. */
function pausesOf(program: Program): readonly number[] {
  return Array.from(program.stdout.matchAll(/-> [\d.]+ \([\d.]+\) MB, (?:pooled: [^,]*, )?([\d.]+) \//g), (match) =>
    Number(match[1]),
  );
}

/** A TAP that is there before and after whoever answers on it, as `host up` makes one. */
function makeTap(place: Namespace, name: string, address: string): void {
  place.ip(`tuntap add dev ${name} mode tap`);
  attach(place, name, address);
}

/** Gives the clients' end of a link its address; what they send there is ruled by CUBIC, whoever answers. */
function attach(place: Namespace, name: string, address: string): void {
  place.ip(`addr add ${address}/24 dev ${name}`);
  place.ip(`link set ${name} up`);
  const network = address.replace(/\d+$/, '0/24');
  place.ip(`route change ${network} dev ${name} proto kernel scope link src ${address} congctl cubic`);
}

/** What is served: a bundle for us, the same files with their compressed forms beside them for others. */
export interface Content {
  readonly bundle: string;
  readonly folder: string;
}

/** Starts one contender; answers where it is and its processes. Undefined: it is not installed. */
type Start = (lab: Lab, content: Content) => Promise<Contender | undefined>;

const pid = (program: Program): number => program.child.pid as number;

/** Another server on loopback, with its own configuration. */
async function peer(place: Namespace, key: string, title: string, port: number, program: Program): Promise<Contender> {
  const url = `http://127.0.0.1:${port}`;
  await answers(place, program, url);
  return contender({ key, title, against: 'nginx-loopback', urls: [url], peer: true }, [pid(program)]);
}

async function answers(place: Namespace, program: Program, url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (!program.running) throw new Error(`${program.command}: ${program.stderr}`);
    const { stdout } = await place.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', `${url}/1k.html`]);
    if (stdout === '200') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${program.command} does not answer at ${url}`);
}

const STARTS: Readonly<Record<string, Start>> = {
  'nginx-veth': async (lab, { folder }) => {
    const far = lab.namespace('nginx');
    lab.host.ip(`link add name veth0 type veth peer name veth0 netns ${far.name}`);
    for (const [place, address] of [
      [lab.host, '10.78.1.1'],
      [far, '10.78.1.2'],
    ] as const) {
      attach(place, 'veth0', address);
    }
    const program = await nginx(lab, far, 'nginx-veth', '10.78.1.2:80', folder);
    const urls = ['http://10.78.1.2', 'http://10.78.1.2:1080'];
    return contender({ key: 'nginx-veth', title: 'nginx, veth', against: undefined, urls }, childrenOf(pid(program)));
  },
  direct: async (lab, { bundle }) => {
    makeTap(lab.host, 'tap0', '10.78.2.1');
    const program = await ours(lab.host, ['--net', 'direct', '--tap', 'tap0', '--ipv4', '10.78.2.2/24', bundle]);
    const named = { key: 'direct', title: 'sitekernel, TAP', against: 'nginx-veth', urls: ['http://10.78.2.2'] };
    return contender({ ...named, pauses: () => pausesOf(program) }, [pid(program)]);
  },
  card: async (lab, { bundle }) => {
    const far = lab.namespace('card');
    lab.host.ip(`link add name veth4 type veth peer name eth0 netns ${far.name}`);
    attach(lab.host, 'veth4', '10.78.4.1');
    far.ip('link set eth0 up');
    const program = await ours(far, ['--net', 'direct', '--interface', 'eth0', '--ipv4', '10.78.4.2/24', bundle]);
    const named = { key: 'card', title: 'sitekernel, packet socket', against: 'direct', urls: ['http://10.78.4.2'] };
    return contender({ ...named, pauses: () => pausesOf(program) }, [pid(program)]);
  },
  ceiling: async (lab) => {
    makeTap(lab.host, 'tap1', '10.78.3.1');
    const script = resolve('build', 'bench', 'ceiling.js');
    const program = lab.host.start(process.execPath, [script, 'tap1', '10.78.3.2']);
    await program.says(/./, 30);
    const named = { key: 'ceiling', title: 'stateless, TAP', against: 'nginx-veth', urls: ['http://10.78.3.2'] };
    return contender({ ...named, onlySmall: true }, [pid(program)]);
  },
  'nginx-loopback': async (lab, { folder }) => {
    const { host } = lab;
    for (const destination of ['127.0.0.0/8', '127.0.0.1']) {
      host.ip(
        `route change table local local ${destination} dev lo proto kernel scope host src 127.0.0.1 congctl cubic`,
      );
    }
    const program = await nginx(lab, host, 'nginx-loopback', '127.0.0.1:8081', folder);
    const urls = ['http://127.0.0.1:8081', 'http://127.0.0.1:9081'];
    const named = { key: 'nginx-loopback', title: 'nginx, loopback', against: undefined, urls };
    return contender(named, childrenOf(pid(program)));
  },
  socket: async (lab, { bundle }) => {
    const program = await ours(lab.host, ['--net', 'socket', '--host', '127.0.0.1', '--port', '8082', bundle]);
    const urls = ['http://127.0.0.1:8082'];
    const named = { key: 'socket', title: 'sitekernel, sockets', against: 'nginx-loopback', urls };
    return contender({ ...named, pauses: () => pausesOf(program) }, [pid(program)]);
  },
  lighttpd: async (lab, { folder }) => {
    if (findCommand('lighttpd') === undefined) return undefined;
    const config = join(lab.folder, 'lighttpd.conf');
    writeFileSync(
      config,
      `server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = 8083
server.max-fds = 8192
server.max-connections = 4096
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 600
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".css" => "text/css", ".svg" => "image/svg+xml", ".woff2" => "font/woff2" )
`,
    );
    return peer(lab.host, 'lighttpd', 'lighttpd, loopback', 8083, lab.host.start('lighttpd', ['-D', '-f', config]));
  },
  caddy: async (lab, { folder }) => {
    if (findCommand('caddy') === undefined) return undefined;
    const config = join(lab.folder, 'Caddyfile');
    writeFileSync(
      config,
      `{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:8084 {\n root * ${folder}\n file_server {\n precompressed br gzip\n }\n}\n`,
    );
    const environment = { GOMAXPROCS: '1', HOME: lab.folder };
    const program = lab.host.start('caddy', ['run', '--adapter', 'caddyfile', '--config', config], environment);
    return peer(lab.host, 'caddy', 'Caddy, loopback', 8084, program);
  },
  sirv: async (lab, { folder }) => {
    const script = resolve('build', 'bench', 'sirv.js');
    return peer(
      lab.host,
      'sirv',
      'node:http and sirv, loopback',
      8085,
      lab.host.start(process.execPath, [script, folder, '8085']),
    );
  },
};

export const CONTENDERS: readonly string[] = Object.keys(STARTS);
/** Those that only show what others do. */
export const PEERS: readonly string[] = ['lighttpd', 'caddy', 'sirv'];
/** Those that take part only when they are named. */
export const NAMED: readonly string[] = ['card'];

export async function startContenders(lab: Lab, content: Content, keys: readonly string[]): Promise<Contender[]> {
  const started: Contender[] = [];
  for (const key of CONTENDERS) {
    if (!keys.includes(key)) continue;
    const one = await (STARTS[key] as Start)(lab, content);
    if (one === undefined) console.log(`${key} is not installed: left out`);
    else started.push(one);
  }
  return started;
}
