/** The command line: what can be asked, checked as far as that is possible without doing anything. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Faults } from '../net/device/faults.js';
import { parseFaults } from '../net/device/faults-option.js';
import type { SocketKind } from '../net/sockets/open.js';
import { addDeploy, type DeployOptions } from './deploy-arguments.js';
import { badUsage, Failure } from './failure.js';
import { addHttpOptions, type HttpArguments, type HttpFlags, httpArguments } from './http-arguments.js';
import { addImage, type ImageOptions } from './image-arguments.js';
import { type StaticAddress, staticAddress } from './ipv4-arguments.js';
import { type LogOptions, parseLogOption } from './log-options.js';
import { parseMac } from './mac.js';
import { packageVersion } from './program-files.js';
import { quiet } from './quiet.js';
import { addSiteOptions, type SiteArguments, type SiteFlags, siteArguments } from './site-arguments.js';

export interface ServeOptions {
  readonly kind: 'serve';
  /** A directory or a bundle file; undefined: the embedded site. */
  readonly site: string | undefined;
  readonly net: 'socket' | 'direct';
  readonly port: number;
  readonly log: LogOptions;
  /** Milliseconds that open connections get to finish. */
  readonly drain: number;
  /** Path of the control socket; undefined: none. */
  readonly control: string | undefined;
  /** Fetch pages from itself over a wire in memory, say whether they are right, and end. */
  readonly selfTest: boolean;
  /** A supervisor started it, holds what it serves on, and says when. */
  readonly supervised: boolean;
  /** Socket mode. */
  readonly host: string;
  /** Whose sockets; undefined: the best that can be had. */
  readonly sockets: SocketKind | undefined;
  /** Processes that serve, 1 or more. */
  readonly workers: number;
  readonly http: HttpArguments;
  /** Direct mode. */
  readonly direct: DirectArguments;
}

export interface DirectArguments {
  /** A network card to use instead of a TAP. */
  readonly interface: string | undefined;
  readonly tap: string;
  readonly bridge: string | undefined;
  /** Undefined: DHCP. */
  readonly static: StaticAddress | undefined;
  /** Six bytes; undefined: derived from the machine and the TAP's name. */
  readonly mac: Uint8Array | undefined;
  readonly hostname: string | undefined;
  readonly pcap: string | undefined;
  /** A recording that `replay` plays, and the bytes that it may take. */
  readonly record: { readonly file: string; readonly bytes: number } | undefined;
  readonly offload: boolean;
  readonly congestion: 'cubic' | 'bbr' | 'reno';
  /** What the link does to frames, for development; undefined: nothing. */
  readonly faults: Faults | undefined;
  /** Looks before the loop sleeps; undefined: what suits the machine. */
  readonly spin: number | undefined;
  /** Directory that remembers the lease; undefined: the usual one. */
  readonly state: string | undefined;
}

export interface BundleOptions {
  readonly kind: 'bundle';
  readonly dir: string;
  readonly output: string;
  readonly compression: 'none' | 'fast' | 'full';
  readonly site: SiteArguments;
}

export interface InspectOptions {
  readonly kind: 'inspect';
  readonly file: string;
  readonly json: boolean;
  readonly check: boolean;
}

export interface ReplayOptions {
  readonly kind: 'replay';
  readonly file: string;
  readonly pcap: string | undefined;
  /** Print each TCP segment with its connection's state. */
  readonly trace: boolean;
}

export interface HostOptions {
  readonly kind: 'host';
  readonly action: 'up' | 'down';
  readonly bridge: string;
  readonly uplink: string | undefined;
  readonly tap: string | undefined;
  readonly user: string | undefined;
}

export interface SuperviseOptions {
  readonly kind: 'supervise';
  /** Path of the control socket. */
  readonly control: string;
  /** Folder of the image to begin with; undefined: this program. */
  readonly image: string | undefined;
  /** Seconds that what is open in a replaced program may go on. */
  readonly handoverDrain: number;
  /** For each program: as for serving. */
  readonly args: readonly string[];
}

/** In a machine image: the options are on the kernel's command line. */
export interface GuestOptions {
  readonly kind: 'guest';
}

export type Task =
  | GuestOptions
  | ServeOptions
  | SuperviseOptions
  | BundleOptions
  | InspectOptions
  | ReplayOptions
  | HostOptions
  | ImageOptions
  | DeployOptions;

const DEFAULT_TAP = 'tap0';
const SOCKET_PORT = 8080;
const DIRECT_PORT = 80;
const EXAMPLES = `
Examples:
  sitekernel                                          the embedded site on http://127.0.0.1:8080/
  sitekernel --port 3000 _site                        a directory
  sudo sitekernel --net direct --bridge br0 _site     a host of its own on the bridge, address by DHCP
  sudo sitekernel --net direct --tap tap0 --ipv4 192.0.2.7/24 --ipv4-gateway 192.0.2.1 site.bundle
  sitekernel bundle _site -o site.bundle              one file out of a directory
`;

interface ServeFlags extends HttpFlags {
  net: string;
  host?: string;
  sockets?: SocketKind;
  workers?: number;
  port?: number;
  tap?: string;
  interface?: string;
  bridge?: string;
  ipv4?: string;
  ipv4Netmask?: string;
  ipv4Gateway?: string;
  mac?: Uint8Array;
  hostname?: string;
  pcap?: string;
  record?: string;
  recordSize?: number;
  offload: boolean;
  log?: LogOptions;
  congestion?: 'cubic' | 'bbr' | 'reno';
  faults?: Faults;
  drain: number;
  control?: string;
  selfTest?: true;
  supervised?: true;
  instead?: string;
  spin?: number;
  state?: string;
}

/**
 * Reads the arguments (without `node` and the program's name). Answers what to do; undefined when it was said already
 * (`--help`, `--version`). Throws a `Failure` with status 2.
 */
export function parseArguments(argv: readonly string[]): Task | undefined {
  let task: Task | undefined;
  const program = buildProgram((found) => {
    task = found;
  });
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw badUsage(`${error.message.replace(/^error: /, '')}; "sitekernel --help" lists what there is`);
  }
  return task;
}

function buildProgram(found: (task: Task) => void): Command {
  const program = new Command('sitekernel');
  quiet(program)
    .description("Serves a static site, over the kernel's sockets or over a TCP/IP stack of its own.")
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', EXAMPLES)
    .enablePositionalOptions()
    .argument('[SITE]', 'directory or bundle file (default: the embedded site)')
    .option('--net <mode>', 'what carries the bytes: socket or direct', 'socket')
    .option(
      '--port <n>',
      `port to serve (default: ${SOCKET_PORT} with sockets, ${DIRECT_PORT} in direct mode)`,
      portNumber,
    )
    .option('--host <address>', 'socket: address to listen on (default: 127.0.0.1)')
    .option('--sockets <kind>', "socket: libc, or node for Node's own (default: libc on Linux)", socketKind)
    .option('--tap <name>', `direct: the TAP device, made unless it exists (default: ${DEFAULT_TAP})`)
    .option('--bridge <name>', 'direct: the bridge to put the TAP on')
    .option('--interface <name>', 'direct: a network card instead of a TAP; the kernel may hold no address on it')
    .option('--ipv4 <address/size>', 'direct: a static address instead of DHCP')
    .option('--ipv4-netmask <mask>', 'direct: the size of the network as a netmask')
    .option('--ipv4-gateway <address>', 'direct: the router')
    .option('--mac <address>', 'direct: address on the link (default: derived, always the same)', macAddress)
    .option('--hostname <name>', 'direct: name to tell the DHCP server (default: that of the machine)', hostName)
    .option('--pcap <file>', 'direct: write a capture (pcapng when the name ends so, else pcap)')
    .option('--record <file>', 'direct: keep what comes in, for "replay": a bug report as a file')
    .option(
      '--record-size <MiB>',
      'direct: size that the recording may take, the oldest goes first, 4 to 4096 (default: 64)',
      count('--record-size', 4096),
    )
    .option('--no-offload', 'direct: let the kernel neither cut segments nor finish checksums')
    .addOption(
      new Option('--faults <list>', 'direct, for development: a bad link, loss=3%,dup=1%,reorder=5%,...')
        .argParser(faultsOption)
        .hideHelp(),
    )
    .option('--congestion <name>', 'direct: cubic, bbr or reno (default: cubic)', congestion)
    .option(
      '--spin <n>',
      'direct: looks before the loop sleeps, 0 to 1000 (default: 40, on one core 0)',
      count('--spin', 1000),
    )
    .option('--state <dir>', 'direct: where leases are remembered (default: $XDG_STATE_HOME/sitekernel)')
    .option(
      '--log <list>',
      'log to standard error: access, net, drops, all; json: as JSON lines; common: without referer and client',
      logOption,
    )
    .option('--workers <n>', 'socket: processes that serve, on Linux (default: 1)', workerCount)
    .option('--drain <seconds>', 'time for open connections to finish at the end', seconds, 10)
    .option('--control <path>', 'a UNIX socket over which it can be asked: status, another bundle, the end')
    .option('--self-test', 'fetch pages from itself over a wire in memory, say whether all are right, and end')
    .addOption(new Option('--supervised').hideHelp())
    .addOption(new Option('--instead <bundle>').hideHelp());
  addHttpOptions(program).action((site: string | undefined, flags: ServeFlags) => found(serveOptions(site, flags)));
  addBundle(program, found);
  addInspect(program, found);
  addReplay(program, found);
  addHost(program, found);
  addImage(program, found);
  quiet(program.command('guest', { hidden: true })).action(() => found({ kind: 'guest' }));
  addSupervise(program, found);
  addDeploy(program, found);
  return program;
}

function addBundle(program: Command, found: (task: Task) => void): void {
  const command = quiet(program.command('bundle'))
    .description('Makes one file out of a directory, the same bytes from the same tree.')
    .argument('<DIR>', 'directory')
    .requiredOption('-o, --output <FILE>', 'bundle file to write')
    .option('--compression <level>', 'none, fast or full', oneOf('--compression', ['none', 'fast', 'full']), 'full');
  addSiteOptions(command).action((dir: string, flags: SiteFlags & { output: string; compression: 'full' }) => {
    const { output, compression } = flags;
    found({ kind: 'bundle', dir, output, compression, site: siteArguments(flags) });
  });
}

function addInspect(program: Command, found: (task: Task) => void): void {
  quiet(program.command('inspect'))
    .description('Shows what is in a bundle.')
    .argument('<FILE>', 'bundle file, or a directory')
    .option('--json', 'as JSON', false)
    .option('--check', 'verify every byte; fail on damage, dead links, missing images and links in a wrong case', false)
    .action((file: string, flags: { json: boolean; check: boolean }) => found({ kind: 'inspect', file, ...flags }));
}

function addSupervise(program: Command, found: (task: Task) => void): void {
  quiet(program.command('supervise'))
    .description('Holds the socket or the TAP, and replaces the program that serves on it without losing a connection.')
    .requiredOption('--control <path>', 'a UNIX socket over which it can be asked: status, swap, replace, drain')
    .option('--image <folder>', 'the image to begin with (default: this program)')
    .option('--handover-drain <seconds>', 'how long what is open in a replaced program may go on', seconds, 3600)
    .argument('[ARGS...]', 'options of the server and its site, behind --')
    .allowExcessArguments(true)
    .action((args: string[], flags: { control: string; image?: string; handoverDrain: number }) =>
      found({ kind: 'supervise', image: undefined, ...flags, args }),
    );
}

function addReplay(program: Command, found: (task: Task) => void): void {
  quiet(program.command('replay'))
    .description('Plays a recording (--record) into a stack of its own, offline, and tells what happened.')
    .argument('<FILE>', 'the recording')
    .option('--pcap <file>', 'write a capture of it (pcapng when the name ends so: with the reason of each drop)')
    .option('--trace', "print each TCP segment with its connection's state, window and round-trip time", false)
    .action((file: string, flags: { pcap?: string; trace: boolean }) =>
      found({ kind: 'replay', file, pcap: flags.pcap, trace: flags.trace }),
    );
}

function addHost(program: Command, found: (task: Task) => void): void {
  const host = quiet(program.command('host')).description(
    'Prepares a host, as root: a bridge, and a TAP that a user owns, so that the server itself needs no root.',
  );
  for (const action of ['up', 'down'] as const) {
    quiet(host.command(action))
      .description(action === 'up' ? 'Makes what is missing of it.' : 'Removes what "up" made.')
      .requiredOption('--bridge <name>', 'the bridge')
      .option('--uplink <name>', 'network card to put on the bridge; its addresses and routes move along')
      .option('--tap <name>', 'TAP to make for a user and to put on the bridge')
      .option('--user <name>', 'who may open the TAP (default: who called sudo)')
      .action((flags: { bridge: string; uplink?: string; tap?: string; user?: string }) =>
        found({
          kind: 'host',
          action,
          bridge: flags.bridge,
          uplink: flags.uplink,
          tap: flags.tap,
          user: flags.user,
        }),
      );
  }
}

function serveOptions(site: string | undefined, flags: ServeFlags): ServeOptions {
  const { net } = flags;
  if (net !== 'socket' && net !== 'direct') throw badUsage(`--net: "${net}" is neither socket nor direct`);
  checkMode(net, flags);
  return {
    kind: 'serve',
    site: flags.instead ?? site,
    net,
    port: flags.port ?? (net === 'socket' ? SOCKET_PORT : DIRECT_PORT),
    log: flags.log ?? parseLogOption(''),
    drain: flags.drain * 1000,
    control: flags.control,
    selfTest: flags.selfTest ?? false,
    supervised: flags.supervised ?? false,
    host: flags.host ?? '127.0.0.1',
    sockets: flags.sockets,
    workers: flags.workers ?? 1,
    http: httpArguments(flags),
    direct: {
      interface: flags.interface,
      tap: flags.tap ?? DEFAULT_TAP,
      bridge: flags.bridge,
      static: staticAddress(flags.ipv4, flags.ipv4Netmask, flags.ipv4Gateway),
      mac: flags.mac,
      hostname: flags.hostname,
      pcap: flags.pcap,
      record: recordOption(flags),
      // A fault is one of a frame on the wire, and a super-segment never is one.
      offload: flags.offload && flags.faults === undefined,
      faults: flags.faults,
      congestion: flags.congestion ?? 'cubic',
      spin: flags.spin,
      state: flags.state,
    },
  };
}

function recordOption({ record, recordSize }: ServeFlags): DirectArguments['record'] {
  if (record === undefined) {
    if (recordSize !== undefined) throw badUsage('--record-size is for --record FILE; add that, or leave it out');
    return undefined;
  }
  if (recordSize !== undefined && recordSize < 4) throw badUsage('--record-size is a number of 4 to 4096.');
  return { file: record, bytes: (recordSize ?? 64) * 2 ** 20 };
}

/** An option of the other mode would do nothing: better to say so than to serve at an address that nobody meant. */
function checkMode(net: 'socket' | 'direct', flags: ServeFlags): void {
  if (net === 'direct') {
    if (flags.host !== undefined)
      throw badUsage('--host is for --net socket; in direct mode --ipv4 or DHCP gives the address');
    if (flags.workers !== undefined)
      throw badUsage('--workers is for --net socket; leave it out in direct mode, which serves in one process');
    if (flags.sockets !== undefined)
      throw badUsage('--sockets is for --net socket; in direct mode nothing of the kernel carries the bytes');
    if (flags.port === 0) throw badUsage('--port 0 is for --net socket; in direct mode every port is free: choose one');
    if (flags.interface !== undefined && (flags.tap ?? flags.bridge) !== undefined)
      throw badUsage('--interface is instead of a TAP; leave --tap and --bridge out');
    return;
  }
  const given: [string, boolean][] = [
    ['--tap', flags.tap !== undefined],
    ['--interface', flags.interface !== undefined],
    ['--bridge', flags.bridge !== undefined],
    ['--ipv4', flags.ipv4 !== undefined],
    ['--ipv4-netmask', flags.ipv4Netmask !== undefined],
    ['--ipv4-gateway', flags.ipv4Gateway !== undefined],
    ['--mac', flags.mac !== undefined],
    ['--hostname', flags.hostname !== undefined],
    ['--pcap', flags.pcap !== undefined],
    ['--record', flags.record !== undefined],
    ['--record-size', flags.recordSize !== undefined],
    ['--no-offload', !flags.offload],
    ['--faults', flags.faults !== undefined],
    ['--congestion', flags.congestion !== undefined],
    ['--spin', flags.spin !== undefined],
    ['--state', flags.state !== undefined],
  ];
  const wrong = given.find(([, present]) => present);
  if (wrong !== undefined) throw badUsage(`${wrong[0]} is for --net direct; add that, or leave ${wrong[0]} out`);
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new InvalidArgumentError('A port is a number of 0 to 65535.');
  return port;
}

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : -1;
  if (value < 0 || value > 86400) throw new InvalidArgumentError('Seconds are a number of 0 to 86400.');
  return value;
}

function faultsOption(text: string): Faults {
  try {
    return parseFaults(text);
  } catch (error) {
    throw badUsage((error as Error).message);
  }
}

function count(option: string, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : -1;
    if (value < 0 || value > most) throw new InvalidArgumentError(`${option} is a number of 0 to ${most}.`);
    return value;
  };
}

function oneOf<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    if (!choices.includes(text as T)) throw new InvalidArgumentError(`${option} is one of ${choices.join(', ')}.`);
    return text as T;
  };
}

function workerCount(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 128) throw new InvalidArgumentError('--workers is a number of 1 to 128.');
  return value;
}

const socketKind = oneOf('--sockets', ['libc', 'node']);
const congestion = oneOf('--congestion', ['cubic', 'bbr', 'reno']);

function macAddress(text: string): Uint8Array {
  try {
    return parseMac(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function logOption(text: string): LogOptions {
  try {
    return parseLogOption(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** RFC 1123 2.1. */
function hostName(text: string): string {
  const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
  if (text.length > 253 || !text.split('.').every((part) => label.test(part))) {
    throw new InvalidArgumentError('A host name consists of letters, digits and inner hyphens.');
  }
  return text;
}
