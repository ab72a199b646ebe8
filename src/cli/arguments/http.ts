/** Options of the command line about HTTP: several sites, a base path, limits, and pages about the server itself. */

import { type Command, InvalidArgumentError } from 'commander';
import { badUsage } from '../../errors/user-error.js';
import type { HttpArguments } from '../../serve/options/http.js';
import { basePath, count, LONGEST_TIMER } from '../values/option-values.js';
import { type AdminFlags, addAdminOptions, adminArguments } from './admin.js';
import { addProxyOptions, type ProxyFlags, proxyArguments } from './proxies.js';
import {
  addSiteOptions,
  addTreeOptions,
  type SiteFlags,
  siteArguments,
  type TreeFlags,
  treeArguments,
} from './site.js';

export interface HttpFlags extends SiteFlags, TreeFlags, AdminFlags, ProxyFlags {
  watch?: boolean;
  keepAssets?: number;
  liveReload?: boolean;
  redirectTo?: string;
  canonicalHost?: string;
  siteFor?: ReadonlyMap<string, string>;
  base?: string;
  serverField?: string;
  http2?: boolean;
  maxConnections?: number;
  maxPerClient?: number;
  idle?: number;
}

export function addHttpOptions(program: Command): Command {
  addTreeOptions(addSiteOptions(program.optionsGroup('The site:')))
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
    .option('--server-field <text>', 'send this as the Server field (default: none)', fieldValue)
    .option('--no-http2', 'speak HTTP/1.1 only');
  addProxyOptions(program.optionsGroup('Behind a proxy:'));
  return addAdminOptions(program.optionsGroup('Pages about the server:'), basePath)
    .optionsGroup('Limits:')
    .option(
      '--max-connections <n>',
      'connections at once; more are answered 503 (default: 131072)',
      count('--max-connections', MOST_CONNECTIONS),
    )
    .option(
      '--max-per-client <n>',
      'connections at once from one address, of IPv6 from one /64; 0: no bound of its own (default: 0)',
      count('--max-per-client', MOST_CONNECTIONS),
    )
    .option(
      '--idle <seconds>',
      'how long a connection stays open without a request (default: 75)',
      wholeSeconds('--idle'),
    );
}

/** `secure`: HTTPS is served; `hsts`: seconds, what is asked for of it. Throws a `UserError`. */
export function httpArguments(flags: HttpFlags, secure: boolean, hsts?: number): HttpArguments {
  if (flags.liveReload && !flags.watch)
    throw badUsage('--live-reload is for --watch; add that, or leave --live-reload out');
  if (flags.redirectTo !== undefined && flags.canonicalHost !== undefined)
    throw badUsage('--redirect-to sends every request elsewhere; leave --canonical-host out');
  if (secure && flags.redirectTo === 'https')
    throw badUsage(
      '--redirect-to https would redirect HTTPS to itself; the HTTP port redirects by itself: leave it out',
    );
  return {
    site: {
      ...siteArguments(flags),
      ...treeArguments(flags),
      watch: flags.watch ?? false,
      liveReload: flags.liveReload ?? false,
      keepAssets: (flags.keepAssets ?? 86_400) * 1000,
      canonical: canonicalOrigin(flags.canonicalHost, secure),
      servedAt: flags.base,
    },
    redirectTo: flags.redirectTo,
    siteFor: flags.siteFor ?? new Map(),
    base: flags.base,
    serverField: flags.serverField,
    http2: flags.http2 ?? true,
    admin: adminArguments(flags),
    proxies: proxyArguments(flags, secure, hsts),
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
  return (match[1] ?? '').toLowerCase() + host;
}

/** A host without a scheme is served over the best that there is. */
function canonicalOrigin(host: string | undefined, secure: boolean): string | undefined {
  if (host === undefined || host.includes('://')) return host;
  return `${secure ? 'https' : 'http'}://${host}`;
}

function fieldValue(text: string): string {
  if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    throw new InvalidArgumentError('A field value consists of visible ASCII characters, and spaces between them.');
  }
  return text;
}

const wholeSeconds = (option: string): ((text: string) => number) => count(option, LONGEST_TIMER);

/** More than any machine holds: beyond it, a number was mistyped. */
const MOST_CONNECTIONS = 999_999_999;
