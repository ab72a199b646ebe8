/** Options of the command line about HTTP: several sites, a base path, limits, and pages about the server itself. */
import { BlockList, isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { badUsage } from './failure.js';
import { addSiteOptions, type SiteArguments, type SiteFlags, siteArguments } from './site-arguments.js';

/** How a site is read and served. */
export interface ServedArguments extends SiteArguments {
  /** Serve a directory while it is built; and have pages load themselves again. */
  readonly watch: boolean;
  readonly liveReload: boolean;
  /** How long fingerprinted files of replaced versions stay, ms. */
  readonly keepAssets: number;
  /** An origin whose host may be `CNAME`: the one in that file of the site. */
  readonly canonical: string | undefined;
}

export interface HttpArguments {
  readonly site: ServedArguments;
  /** An origin, or a scheme, that every request is redirected to. */
  readonly redirectTo: string | undefined;
  /** Sites of hosts of their own: name in small letters -> directory or bundle file. */
  readonly siteFor: ReadonlyMap<string, string>;
  readonly base: string | undefined;
  readonly serverField: string | undefined;
  /** Whether HTTP/2 is spoken with those that ask for it. */
  readonly http2: boolean;
  /** Paths of pages about the server; undefined: none. */
  readonly metrics: string | undefined;
  readonly health: string | undefined;
  readonly status: string | undefined;
  /** Who may see them. */
  readonly admins: (address: string) => boolean;
  readonly maxConnections: number | undefined;
  readonly maxPerClient: number | undefined;
  /** Milliseconds. */
  readonly idle: number | undefined;
}

export interface HttpFlags extends SiteFlags {
  watch?: boolean;
  keepAssets?: number;
  liveReload?: boolean;
  redirectTo?: string;
  canonicalHost?: string;
  siteFor?: ReadonlyMap<string, string>;
  base?: string;
  serverField?: string;
  http2?: boolean;
  metrics?: true;
  health?: true;
  status?: true;
  adminPath?: string;
  admin?: (address: string) => boolean;
  maxConnections?: number;
  maxPerClient?: number;
  idle?: number;
}

export function addHttpOptions(program: Command): Command {
  return addSiteOptions(program)
    .option('--watch', 'serve a directory while it is built again and again')
    .option('--keep-assets <seconds>', 'how long fingerprinted files of replaced versions stay (default: 86400)', whole)
    .option('--live-reload', 'with --watch: pages load themselves again when the site has changed; for development')
    .option('--redirect-to <origin>', 'redirect every request: https://example.org, or https to keep the host', origin)
    .option(
      '--canonical-host <origin>',
      "redirect other hosts to this one: example.org, https://example.org; CNAME or https://CNAME: the site's file has it",
      canonicalHost,
    )
    .option('--site-for <host=site>', 'another site for a host; may be given several times', siteFor)
    .option('--base <path>', 'serve the site below a path, such as /docs', basePath)
    .option('--server-field <text>', 'send this as the Server field (default: none)', fieldValue)
    .option('--no-http2', 'speak HTTP/1.1 only')
    .option('--metrics', 'Prometheus metrics at /metrics')
    .option('--health', 'a page that says ok at /health')
    .option('--status', 'a status page for the browser at /status')
    .option('--admin-path <path>', 'have those three below a path, such as /internal', basePath)
    .option(
      '--admin <list>',
      'who may see those three: addresses, or networks like 10.0.0.0/8 (default: loopback)',
      admins,
    )
    .option('--max-connections <n>', 'connections at once; more are answered 503 (default: 131072)', whole)
    .option('--max-per-client <n>', 'connections at once from one address; 0: no bound of its own (default: 0)', whole)
    .option('--idle <seconds>', 'how long a connection stays open without a request (default: 60)', whole);
}

export function httpArguments(flags: HttpFlags): HttpArguments {
  const { adminPath = '' } = flags;
  if (flags.liveReload && !flags.watch)
    throw badUsage('--live-reload is for --watch; add that, or leave --live-reload out');
  if (flags.redirectTo !== undefined && flags.canonicalHost !== undefined)
    throw badUsage('--redirect-to sends every request elsewhere; leave --canonical-host out');
  return {
    site: {
      ...siteArguments(flags),
      watch: flags.watch ?? false,
      liveReload: flags.liveReload ?? false,
      keepAssets: (flags.keepAssets ?? 86_400) * 1000,
      canonical: flags.canonicalHost,
    },
    redirectTo: flags.redirectTo,
    siteFor: flags.siteFor ?? new Map(),
    base: flags.base,
    serverField: flags.serverField,
    http2: flags.http2 ?? true,
    metrics: flags.metrics ? `${adminPath}/metrics` : undefined,
    health: flags.health ? `${adminPath}/health` : undefined,
    status: flags.status ? `${adminPath}/status` : undefined,
    admins: flags.admin ?? loopback,
    maxConnections: flags.maxConnections,
    maxPerClient: flags.maxPerClient,
    idle: flags.idle === undefined ? undefined : flags.idle * 1000,
  };
}

function siteFor(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const equals = text.indexOf('=');
  const host = text.slice(0, Math.max(0, equals)).toLowerCase();
  if (!/^[a-z0-9._-]+$/.test(host) || equals === text.length - 1) {
    throw new InvalidArgumentError('A host and its site look like blog.example.org=_blog.');
  }
  if (before.has(host)) throw new InvalidArgumentError(`${host} has a site already.`);
  return new Map([...before, [host, text.slice(equals + 1)]]);
}

const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d{1,5})?';

function origin(text: string): string {
  const bare = text.replace(/\/$/, '').toLowerCase();
  if (!new RegExp(`^https?(?:://${HOST})?$`, 'i').test(bare))
    throw new InvalidArgumentError('An origin looks like https://example.org, a scheme like https.');
  return bare;
}

function canonicalHost(text: string): string {
  const match = new RegExp(`^(https?://)?(${HOST})/?$`, 'i').exec(text);
  if (match === null)
    throw new InvalidArgumentError('A host looks like example.org or https://example.org, or is CNAME.');
  const host = match[2] === 'CNAME' ? 'CNAME' : match[2]!.toLowerCase();
  return (match[1] ?? 'http://').toLowerCase() + host;
}

function basePath(text: string): string {
  const path = text.replace(/\/$/, '');
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
    throw new InvalidArgumentError('A path looks like /docs: letters, digits and . _ ~ - between slashes.');
  }
  return path;
}

function fieldValue(text: string): string {
  if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    throw new InvalidArgumentError('A field value consists of visible ASCII characters, and spaces between them.');
  }
  return text;
}

let loopbackList: ((address: string) => boolean) | undefined;

/** Made when it is first asked for: a start has no use for it, and to make it takes some milliseconds. */
function loopback(address: string): boolean {
  loopbackList ??= admins('127.0.0.0/8,::1');
  return loopbackList(address);
}

/** A list of addresses and networks, as a question. */
function admins(text: string): (address: string) => boolean {
  const list = new BlockList();
  for (const item of text.split(',')) {
    const [address = '', size, more] = item.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const bits = size === undefined ? most : /^\d{1,3}$/.test(size) ? Number(size) : -1;
    if (family === 0 || more !== undefined || bits < 0 || bits > most) {
      throw new InvalidArgumentError(`"${item}" is neither an address nor a network like 10.0.0.0/8.`);
    }
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
}
