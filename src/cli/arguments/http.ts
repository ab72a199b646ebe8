/** Options of the command line about HTTP: several sites, a base path, limits, and pages about the server itself. */
import { type Command, InvalidArgumentError } from 'commander';
import { badUsage } from '../../errors/failure.js';
import { type AdminArguments, type AdminFlags, addAdminOptions, adminArguments } from '../admin-arguments.js';
import { count, LONGEST_TIMER } from './option-values.js';
import { addSiteOptions, type SiteArguments, type SiteFlags, siteArguments } from './site.js';

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
  readonly admin: AdminArguments;
  readonly maxConnections: number | undefined;
  readonly maxPerClient: number | undefined;
  /** Milliseconds. */
  readonly idle: number | undefined;
}

export interface HttpFlags extends SiteFlags, AdminFlags {
  watch?: boolean;
  keepAssets?: number;
  liveReload?: boolean;
  redirectTo?: string;
  canonicalHost?: string;
  siteFor?: ReadonlyMap<string, string>;
  base?: string;
  serverField?: string;
  maxConnections?: number;
  maxPerClient?: number;
  idle?: number;
}

export function addHttpOptions(program: Command): Command {
  addSiteOptions(program.optionsGroup('The site:'))
    .option('--watch', 'serve a directory while it is built again and again')
    .option(
      '--keep-assets <seconds>',
      'how long fingerprinted files of replaced versions stay (default: 86400)',
      wholeSeconds('--keep-assets'),
    )
    .option('--live-reload', 'with --watch: pages load themselves again when the site has changed; for development')
    .optionsGroup('HTTP:')
    .option('--redirect-to <origin>', 'redirect every request: https://example.org, or https to keep the host', origin)
    .option(
      '--canonical-host <origin>',
      "redirect other hosts to this one: example.org, https://example.org; CNAME or https://CNAME: the site's file has it",
      canonicalHost,
    )
    .option('--site-for <host=site>', 'another site for a host; may be given several times', siteFor)
    .option('--base <path>', 'serve the site below a path, such as /docs', basePath)
    .option('--server-field <text>', 'send this as the Server field (default: none)', fieldValue);
  return addAdminOptions(program.optionsGroup('Pages about the server:'), basePath)
    .optionsGroup('Limits:')
    .option('--max-connections <n>', 'connections at once; more are answered 503 (default: 131072)', whole)
    .option('--max-per-client <n>', 'connections at once from one address; 0: no bound of its own (default: 0)', whole)
    .option(
      '--idle <seconds>',
      'how long a connection stays open without a request (default: 60)',
      wholeSeconds('--idle'),
    );
}

export function httpArguments(flags: HttpFlags): HttpArguments {
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
    admin: adminArguments(flags),
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

const wholeSeconds = (option: string): ((text: string) => number) => count(option, LONGEST_TIMER);

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
}
