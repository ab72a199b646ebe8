/** Options of the server itself, the same for every network. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { errorText } from '../../errors/report.js';
import { badUsage } from '../../errors/user-error.js';
import type { SocketKind } from '../../net/sockets/open.js';
import type { SealLevel } from '../../seal/seal.js';
import type { LogOptions } from '../../serve/options/log.js';
import type { ServeOptions } from '../../serve/options/serve.js';
import { oneOf, portNumber, seconds } from '../values/option-values.js';
import { type AcmeFlags, acmeArguments, addAcmeOptions } from './acme.js';
import { addDirectOptions, type DirectFlags, directArguments, directOption, several } from './direct.js';
import { addDnsOptions, type DnsFlags, dnsArguments } from './dns.js';
import { addHttpOptions, type HttpFlags, httpArguments } from './http.js';
import { parseLogOption } from './log-options.js';
import { socketHost } from './socket-host.js';
import { addTlsOptions, type TlsFlags, tlsArguments } from './tls.js';

interface ServeFlags extends HttpFlags, DirectFlags, TlsFlags, DnsFlags, AcmeFlags {
  net: string;
  host?: string[];
  sockets?: SocketKind;
  workers?: number;
  port?: number;
  log?: LogOptions;
  drain: number;
  control?: string;
  seal: SealLevel;
  user?: string;
  selfTest?: true;
  supervised?: true;
  instead?: string;
}

const SOCKET_PORT = 8080;
const DIRECT_PORT = 80;

/** What is done without the name of a command. */
export function addServe(program: Command, found: (options: ServeOptions) => void): void {
  program
    .argument('[SITE]', 'directory or bundle file (default: the embedded site)')
    .optionsGroup('Where it serves:')
    .option('--net <mode>', 'what carries the bytes: socket or direct', 'socket')
    .option(
      '--port <n>',
      `port to serve (default: ${SOCKET_PORT} with sockets, ${DIRECT_PORT} in direct mode)`,
      portNumber,
    )
    .option('--host <address>', 'socket: address to listen on; may be repeated (default: 127.0.0.1)', several)
    .option('--sockets <kind>', "socket: libc, or node for Node's own (default: libc on Linux)", socketKind)
    .option(
      '--workers <n>',
      'processes that serve, on Linux (default: 1); in direct mode each with a queue of the TAP',
      workerCount,
    );
  addDirectOptions(program.optionsGroup('With --net direct, a stack of its own:'))
    .optionsGroup('How it runs:')
    .option(
      '--log <list>',
      'log to standard error: access, net, drops, all; json: as JSON lines; common: without referer and client',
      logOption,
    )
    .option('--drain <seconds>', 'time for open connections to finish at the end', seconds, 10)
    .option('--control <path>', 'a UNIX socket over which it can be asked: status, another bundle, the end')
    .option(
      '--seal <level>',
      'what is given up before serving: default (what can be), strict (all, or it does not serve), off',
      oneOf('--seal', ['strict', 'default', 'off']),
      'default',
    )
    .option('--user <user>', 'the user to become, name or number, when started as root (default: one of its own)')
    .option('--self-test', 'fetch pages from itself over a wire in memory, say whether all are right, and end')
    .addOption(new Option('--supervised').hideHelp())
    .addOption(new Option('--instead <bundle>').hideHelp());
  addAcmeOptions(program);
  addTlsOptions(program);
  addDnsOptions(addHttpOptions(program)).action((site: string | undefined, flags: ServeFlags) =>
    found(serveOptions(site, flags)),
  );
}

function serveOptions(site: string | undefined, flags: ServeFlags): ServeOptions {
  const { net } = flags;
  if (net !== 'socket' && net !== 'direct') throw badUsage(`--net: "${net}" is neither socket nor direct`);
  checkMode(net, flags);
  if (flags.port !== undefined && flags.httpPort !== undefined)
    throw badUsage('--http-port is another name of --port; give one of them');
  const tls = tlsArguments(flags, net, flags.acme !== undefined, flags.trustedProxy !== undefined);
  const port = flags.httpPort ?? flags.port ?? (net === 'socket' ? SOCKET_PORT : DIRECT_PORT);
  if (tls !== undefined && tls.port === port && port !== 0)
    throw badUsage(`HTTP and HTTPS need a port each, and both are ${port}; choose another with --https-port`);
  checkZones(flags);
  return {
    kind: 'serve',
    site: flags.instead ?? site,
    net,
    port,
    log: flags.log ?? parseLogOption(''),
    drain: flags.drain * 1000,
    control: flags.control,
    selfTest: flags.selfTest ?? false,
    supervised: flags.supervised ?? false,
    host: flags.host?.[0] ?? '127.0.0.1',
    furtherHosts: flags.host?.slice(1) ?? [],
    sockets: flags.sockets,
    workers: flags.workers ?? 1,
    http: httpArguments(flags, tls !== undefined, flags.hsts),
    tls,
    dns: dnsArguments(flags),
    seal: { level: flags.seal, user: flags.user },
    state: flags.state,
    acme: acmeArguments(flags, flags.state, flags.zone !== undefined),
    direct: directArguments(flags),
  };
}

/** An option of the other mode would do nothing: an error is better than serving at an unintended address. */
function checkMode(net: 'socket' | 'direct', flags: ServeFlags): void {
  if (net === 'direct') {
    if (flags.host !== undefined)
      throw badUsage('--host is for --net socket; in direct mode --ipv4 or DHCP gives the address');
    if (flags.sockets !== undefined)
      throw badUsage('--sockets is for --net socket; in direct mode nothing of the kernel carries the bytes');
    if (flags.port === 0 || flags.httpPort === 0 || flags.httpsPort === 0)
      throw badUsage('--port 0 is for --net socket; in direct mode every port is free: choose one');
    if ((flags.workers ?? 1) > 1) onlyOneProcess(flags);
    return;
  }
  for (const host of flags.host ?? []) socketHost(host);
  if ((flags.host?.length ?? 1) > 1 && ((flags.workers ?? 1) > 1 || flags.supervised === true))
    throw badUsage(
      'several --host are for one process; leave --workers and "supervise" out, or name one: "::" has both families',
    );
  const keeps = flags.tls !== undefined || flags.zone !== undefined || flags.acme !== undefined;
  const wrong = directOption(flags, keeps);
  if (wrong !== undefined) throw badUsage(`${wrong} is for --net direct; add that, or leave ${wrong} out`);
}

/** A recording does not contain what a name server begins by itself. */
function checkZones(flags: ServeFlags): void {
  if (flags.zone !== undefined && flags.record !== undefined)
    throw badUsage('--zone and --record do not go together; leave one of them out');
}

/** What several workers cannot do together in direct mode. */
function onlyOneProcess({ interface: card, pcap, record }: ServeFlags): void {
  const given: [string, unknown][] = [
    ['--interface', card],
    ['--pcap', pcap],
    ['--record', record],
  ];
  const wrong = given.find(([, value]) => value !== undefined)?.[0];
  if (wrong !== undefined) throw badUsage(`${wrong} is for one process; leave --workers out, or ${wrong}`);
}

function workerCount(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 128) throw new InvalidArgumentError('--workers is a number of 1 to 128.');
  return value;
}

const socketKind = oneOf('--sockets', ['libc', 'node']);

function logOption(text: string): LogOptions {
  try {
    return parseLogOption(text);
  } catch (error) {
    throw new InvalidArgumentError(errorText(error));
  }
}
