/** Options of a server about HTTP. */
import type { AdminArguments } from './admin.js';
import type { ProxyArguments } from './proxies.js';
import type { SiteArguments, TreeArguments } from './site.js';
/** How a site is read and served. */
export interface ServedArguments extends SiteArguments, TreeArguments {
  /** Serve a directory while it is built; and have pages load themselves again. */
  readonly watch: boolean;
  readonly liveReload: boolean;
  /** Milliseconds that fingerprinted files of replaced versions stay. */
  readonly keepAssets: number;
  /** An origin whose host may be `CNAME`: the one in that file of the site. */
  readonly canonical: string | undefined;
  /** Where HTTP serves it, `/docs`: absolute paths in pages begin at the host. */
  readonly servedAt: string | undefined;
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
  readonly admin: AdminArguments;
  /** Undefined: no proxy is trusted. */
  readonly proxies: ProxyArguments | undefined;
  readonly maxConnections: number | undefined;
  readonly maxPerClient: number | undefined;
  /** Milliseconds. */
  readonly idle: number | undefined;
}
