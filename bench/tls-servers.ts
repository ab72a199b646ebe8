/** The servers of the rows over TLS: this program and nginx in two places each, Caddy and node:http2 beside them. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeSelfSigned } from '../src/tls/certificate/self-signed.js';
import { findCommand } from '../test/run/packages.js';
import type { Lab } from '../test/wire/lab.js';
import {
  answers,
  attach,
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

/** Addresses that the certificate is for. */
const VETH = '10.78.5.2';
const TAP = '10.78.6.2';
const LOOPBACK = '127.0.0.1';

/** An ECDSA P-256 certificate for all of them. */
export function writeCertificate(place: string): Pick<Content, 'certificate' | 'key'> {
  const names = ['localhost', LOOPBACK, VETH, TAP];
  const made = makeSelfSigned({ names, from: Date.now(), random: (length) => new Uint8Array(randomBytes(length)) });
  const [certificate, key] = [join(place, 'certificate.pem'), join(place, 'key.pem')];
  writeFileSync(certificate, made.certificate);
  writeFileSync(key, made.key, { mode: 0o600 });
  return { certificate, key };
}

const tlsOf = ({ certificate, key }: Content): string[] => ['--tls-cert', certificate, '--tls-key', key];

async function peer(lab: Lab, key: string, title: string, port: number, command: string, args: string[], env = {}) {
  const program = lab.host.start(command, args, env);
  const url = `https://${LOOPBACK}:${port}`;
  await answers(lab.host, program, url);
  return contender({ key, title, against: 'nginx-loopback-tls', urls: [url], peer: true }, [pid(program)]);
}

export const TLS_STARTS: Readonly<Record<string, Start>> = {
  'nginx-veth-tls': async (lab, content) => {
    const far = lab.namespace('nginx-tls');
    lab.host.ip(`link add name veth5 type veth peer name veth5 netns ${far.name}`);
    attach(lab.host, 'veth5', '10.78.5.1');
    attach(far, 'veth5', VETH);
    const program = await nginx(lab, far, 'nginx-veth-tls', `${VETH}:443`, content.folder, content);
    const named = { key: 'nginx-veth-tls', title: 'nginx, veth', against: undefined, urls: [`https://${VETH}`] };
    return contender(named, childrenOf(pid(program)));
  },
  'direct-tls': async (lab, content) => {
    makeTap(lab.host, 'tap2', '10.78.6.1');
    const args = ['--net', 'direct', '--tap', 'tap2', '--ipv4', `${TAP}/24`, ...tlsOf(content), content.bundle];
    const program = await ours(lab.host, args);
    const named = { key: 'direct-tls', title: 'sitekernel, TAP', against: 'nginx-veth-tls', urls: [`https://${TAP}`] };
    return contender({ ...named, pauses: () => pausesOf(program) }, [pid(program)]);
  },
  'nginx-loopback-tls': async (lab, content) => {
    const program = await nginx(lab, lab.host, 'nginx-loopback-tls', `${LOOPBACK}:8441`, content.folder, content);
    const urls = [`https://${LOOPBACK}:8441`];
    const named = { key: 'nginx-loopback-tls', title: 'nginx, loopback', against: undefined, urls };
    return contender(named, childrenOf(pid(program)));
  },
  'socket-tls': async (lab, content) => {
    const where = ['--net', 'socket', '--host', LOOPBACK, '--port', '8089', '--https-port', '8442'];
    const program = await ours(lab.host, [...where, ...tlsOf(content), content.bundle]);
    const urls = [`https://${LOOPBACK}:8442`];
    const named = { key: 'socket-tls', title: 'sitekernel, sockets', against: 'nginx-loopback-tls', urls };
    return contender({ ...named, pauses: () => pausesOf(program) }, [pid(program)]);
  },
  'caddy-tls': async (lab, { folder, certificate, key }) => {
    if (findCommand('caddy') === undefined) return undefined;
    const config = join(lab.folder, 'Caddyfile-tls');
    writeFileSync(
      config,
      `{\n admin off\n auto_https off\n}\nhttps://${LOOPBACK}:8443 {\n tls ${certificate} ${key}\n root * ${folder}\n file_server {\n precompressed br gzip\n }\n}\n`,
    );
    const environment = { GOMAXPROCS: '1', HOME: lab.folder };
    const args = ['run', '--adapter', 'caddyfile', '--config', config];
    return peer(lab, 'caddy-tls', 'Caddy, loopback', 8443, 'caddy', args, environment);
  },
  'http2-tls': (lab, { folder, certificate, key }) => {
    const args = [resolve('build', 'bench', 'node-http2.js'), folder, '8444', certificate, key];
    return peer(lab, 'http2-tls', 'node:http2, loopback', 8444, process.execPath, args);
  },
};
