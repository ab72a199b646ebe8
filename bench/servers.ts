/**
 * The servers that are compared, each in its place: this program on a TAP and on sockets, nginx over veth and over
 * loopback. All four run all the time; only one is asked at a time.
 *
 * `host` is the clients' namespace. The TAP lies in it, and so does what answers over loopback; nginx over veth has a namespace
 * of its own. nginx sends with CUBIC: BBR's pacing, the default of some machines, would make it slower than it is.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
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
  readonly url: string;
  /** It answers everything with 1 KiB, so it takes part only where that is asked for. */
  readonly onlySmall: boolean;
  /** Nanoseconds of CPU that it has used. */
  cpu(): number;
  /** Binds all of it to these CPUs. */
  pin(cpus: string): void;
}

function pin(pid: number, cpus: string): void {
  execFileSync('taskset', ['-a', '-p', '-c', cpus, String(pid)], { stdio: 'ignore' });
}

function contender(
  key: string,
  title: string,
  against: string | undefined,
  url: string,
  pids: readonly number[],
  onlySmall = false,
): Contender {
  return {
    key,
    title,
    against,
    url,
    onlySmall,
    cpu: () => pids.reduce((sum, pid) => sum + cpuTime(pid), 0),
    pin: (cpus) => {
      for (const pid of pids) pin(pid, cpus);
    },
  };
}

export async function nginx(lab: Lab, place: Namespace, name: string, address: string, root: string): Promise<Program> {
  const folder = join(lab.folder, name);
  mkdirSync(folder);
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `worker_processes 1;
daemon off;
user root;
pid ${folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush off;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  open_file_cache_valid 600s;
  types { text/html html; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen ${address} backlog=4096; root ${root}; }
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
  const program = place.start(process.execPath, [MAIN, ...args]);
  await program.says(/^listening on /m, 30);
  return program;
}

/** A TAP that is there before and after whoever answers on it, as `host up` makes one. */
function makeTap(place: Namespace, name: string, address: string): void {
  place.ip(`tuntap add dev ${name} mode tap`);
  place.ip(`addr add ${address} dev ${name}`);
  place.ip(`link set ${name} up`);
}

/** Starts one contender; answers where it is and its processes. */
type Start = (lab: Lab, root: string) => Promise<Contender>;

const pid = (program: Program): number => program.child.pid as number;

const STARTS: Readonly<Record<string, Start>> = {
  'nginx-veth': async (lab, root) => {
    const far = lab.namespace('nginx');
    lab.host.ip(`link add name veth0 type veth peer name veth0 netns ${far.name}`);
    for (const [place, address] of [
      [lab.host, '10.78.1.1'],
      [far, '10.78.1.2'],
    ] as const) {
      place.ip(`addr add ${address}/24 dev veth0`);
      place.ip('link set veth0 up');
      place.ip(`route change 10.78.1.0/24 dev veth0 proto kernel scope link src ${address} congctl cubic`);
    }
    const program = await nginx(lab, far, 'nginx-veth', '10.78.1.2:80', root);
    return contender('nginx-veth', 'nginx, veth', undefined, 'http://10.78.1.2', childrenOf(pid(program)));
  },
  direct: async (lab, root) => {
    makeTap(lab.host, 'tap0', '10.78.2.1/24');
    const program = await ours(lab.host, ['--net', 'direct', '--tap', 'tap0', '--ipv4', '10.78.2.2/24', root]);
    return contender('direct', 'sitekernel, TAP', 'nginx-veth', 'http://10.78.2.2', [pid(program)]);
  },
  ceiling: async (lab) => {
    makeTap(lab.host, 'tap1', '10.78.3.1/24');
    const script = resolve('build', 'bench', 'ceiling.js');
    const program = lab.host.start(process.execPath, [script, 'tap1', '10.78.3.2']);
    await program.says(/./, 30);
    return contender('ceiling', 'stateless, TAP', 'nginx-veth', 'http://10.78.3.2', [pid(program)], true);
  },
  'nginx-loopback': async (lab, root) => {
    const { host } = lab;
    for (const destination of ['127.0.0.0/8', '127.0.0.1']) {
      host.ip(
        `route change table local local ${destination} dev lo proto kernel scope host src 127.0.0.1 congctl cubic`,
      );
    }
    const program = await nginx(lab, host, 'nginx-loopback', '127.0.0.1:8081', root);
    const url = 'http://127.0.0.1:8081';
    return contender('nginx-loopback', 'nginx, loopback', undefined, url, childrenOf(pid(program)));
  },
  socket: async (lab, root) => {
    const program = await ours(lab.host, ['--net', 'socket', '--host', '127.0.0.1', '--port', '8082', root]);
    return contender('socket', 'sitekernel, sockets', 'nginx-loopback', 'http://127.0.0.1:8082', [pid(program)]);
  },
};

export const CONTENDERS: readonly string[] = Object.keys(STARTS);

export async function startContenders(lab: Lab, root: string, keys: readonly string[]): Promise<Contender[]> {
  const started: Contender[] = [];
  for (const key of CONTENDERS) if (keys.includes(key)) started.push(await (STARTS[key] as Start)(lab, root));
  return started;
}
