/** What all servers of the comparison have: how they are started, where they are, what they have used. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  /** The same server over IPv4, for those over IPv6. */
  readonly twin?: string;
  /** Several where it can be set up in several ways: the one that serves it best in a row is used there. */
  readonly urls: readonly string[];
  /** It answers everything with 1 KiB, so it takes part only where that is asked for. */
  readonly onlySmall: boolean;
  /** Shown for comparison: takes part in few rounds. */
  readonly peer: boolean;
  /** Its processes. */
  readonly pids: readonly number[];
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

export function contender(named: Named, pids: readonly number[]): Contender {
  return {
    pids,
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

/**
 * What a server of nginx needs for TLS: what this program speaks, so that both do the same. Tickets instead of a cache:
 * this program has none either.
 */
const tlsOptions = ({ certificate, key }: Pick<Content, 'certificate' | 'key'>): string => `
  ssl_certificate ${certificate}; ssl_certificate_key ${key};
  ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  ssl_session_cache off; ssl_session_tickets on;`;

/**
 * Answers on `address` (of IPv6 in brackets), and with `tcp_nopush` on the port a thousand above; with `tls`, over TLS
 * alone, HTTP/2 too.
 */
export async function nginx(
  lab: Lab,
  place: Namespace,
  name: string,
  address: string,
  root: string,
  tls?: Pick<Content, 'certificate' | 'key'>,
): Promise<Program> {
  const folder = join(lab.folder, name);
  mkdirSync(folder);
  const config = join(folder, 'nginx.conf');
  const brotli = existsSync(BROTLI);
  const colon = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, colon), address.slice(colon + 1)];
  const cleartext = `server { listen ${address} backlog=4096; root ${root}; tcp_nopush off; }
  server { listen ${host}:${Number(port) + 1000} backlog=4096; root ${root}; tcp_nopush on; }`;
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
  ${tls === undefined ? cleartext : `${tlsOptions(tls)}\n  server { listen ${address} ssl http2 backlog=4096; root ${root}; }`}
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
export function pausesOf(program: Program): readonly number[] {
  return Array.from(program.stdout.matchAll(/-> [\d.]+ \([\d.]+\) MB, (?:pooled: [^,]*, )?([\d.]+) \//g), (match) =>
    Number(match[1]),
  );
}

/** A TAP that is there before and after whoever answers on it, as `host up` makes one. */
export function makeTap(place: Namespace, name: string, address: string): void {
  place.ip(`tuntap add dev ${name} mode tap`);
  attach(place, name, address);
}

/**
 * Gives the clients' end of a link its address, of either family; what they send there is ruled by CUBIC, whoever
 * answers.
 */
export function attach(place: Namespace, name: string, address: string): void {
  if (address.includes(':')) {
    place.ip(`addr add ${address}/64 dev ${name} nodad`);
    place.ip(`link set ${name} up`);
    const network = address.replace(/::.*$/, '::/64');
    place.ip(`-6 route change ${network} dev ${name} proto kernel metric 256 congctl cubic`);
    return;
  }
  place.ip(`addr add ${address}/24 dev ${name}`);
  place.ip(`link set ${name} up`);
  const network = address.replace(/\d+$/, '0/24');
  place.ip(`route change ${network} dev ${name} proto kernel scope link src ${address} congctl cubic`);
}

/** What is served: a bundle for us, the same files with their compressed forms beside them for others. */
export interface Content {
  readonly bundle: string;
  readonly folder: string;
  /** In PEM, and the key. */
  readonly certificate: string;
  readonly key: string;
}

/** Starts one contender; answers where it is and its processes. Undefined: it is not installed. */
export type Start = (lab: Lab, content: Content) => Promise<Contender | undefined>;

export const pid = (program: Program): number => program.child.pid as number;

export async function answers(place: Namespace, program: Program, url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (!program.running) throw new Error(`${program.command}: ${program.stderr}`);
    const { stdout } = await place.run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `${url}/1k.html`]);
    if (stdout === '200') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${program.command} does not answer at ${url}`);
}
