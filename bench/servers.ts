/**
 * The servers that are compared, each in its place: this program on a TAP and on sockets, nginx over veth and over
 * loopback, and others over loopback where they are installed. All run all the time; only one is asked at a time.
 *
 * `host` is the clients' namespace. The TAP lies in it, and so does what answers over loopback; nginx over veth has a
 * namespace of its own. nginx sends with CUBIC: BBR's pacing, the default of some machines, would make it slower than
 * it is.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findCommand } from '../test/run/packages.js';
import type { Lab, Namespace, Program } from '../test/wire/lab.js';
import {
  answers,
  attach,
  type Contender,
  type Content,
  contender,
  makeTap,
  nginx,
  ours,
  pausesOf,
  pid,
  type Start,
} from './contender.js';
import { childrenOf } from './processes.js';
import { IPV6_STARTS } from './servers6.js';
import { TLS_STARTS } from './tls-servers.js';
import type { Workload } from './workloads.js';

/** Another server on loopback, with its own configuration. */
async function peer(place: Namespace, key: string, title: string, port: number, program: Program): Promise<Contender> {
  const url = `http://127.0.0.1:${port}`;
  await answers(place, program, url);
  return contender({ key, title, against: 'nginx-loopback', urls: [url], peer: true }, [pid(program)]);
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

const ALL: Readonly<Record<string, Start>> = { ...STARTS, ...IPV6_STARTS, ...TLS_STARTS };
export const CONTENDERS: readonly string[] = Object.keys(ALL);
/** Those that only show what others do. */
export const PEERS: readonly string[] = ['lighttpd', 'caddy', 'sirv', 'caddy-tls', 'http2-tls'];

/** Whether it takes part in the rows over TLS; otherwise in the others. */
function isSecure(key: string): boolean {
  return key.endsWith('-tls');
}

/** Those of ours over IPv4 that those over IPv6 are measured against. */
const TWINS = ['direct', 'socket'];

/** Whether it takes part in the row. In those over IPv6 are its servers, and ours over IPv4 beside them. */
export function takesPart(key: string, { tls, ipv6 }: Pick<Workload, 'tls' | 'ipv6'>): boolean {
  if (isSecure(key) !== (tls !== undefined)) return false;
  return ipv6 === true ? key.endsWith('-v6') || TWINS.includes(key) : !key.endsWith('-v6');
}

/** Those that take part only when they are named. */
export const NAMED: readonly string[] = ['card'];

export async function startContenders(lab: Lab, content: Content, keys: readonly string[]): Promise<Contender[]> {
  const started: Contender[] = [];
  for (const key of CONTENDERS) {
    if (!keys.includes(key)) continue;
    const one = await (ALL[key] as Start)(lab, content);
    if (one === undefined) console.log(`${key} is not installed: left out`);
    else started.push(one);
  }
  return started;
}
