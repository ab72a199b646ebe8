/** The sites that one server serves: its own, and those of other hosts. */

import type { SharedWork } from '../store/compress/shared-work.js';
import type { SiteOptions, Store } from '../store/index.js';
import type { Log } from './log.js';
import type { ServeOptions } from './options/serve.js';
import { embeddedSite } from './program-files.js';
import { ServedSite } from './served-site.js';
import { onReload } from './signals.js';

export interface Sites {
  readonly site: ServedSite;
  readonly hosts: Readonly<Record<string, () => Store>>;
  /** Including those of other hosts. */
  readonly all: readonly ServedSite[];
}

const ROOT = Uint8Array.of(0x2f);

/** Warns the operator about each site without a page at its root: mostly the directory is the wrong one. */
export function tellRoots({ all }: Sites, log: Log): void {
  for (const { name, store } of all) {
    if (store().lookup(ROOT, 0, 1).kind !== 'missing') continue;
    log.warn(
      `${name} has no index page, and / is answered with 404; name the directory that the site was built into, or add --listing`,
    );
  }
}

/** What the seal means for sites. */
export interface SiteSeal {
  /** Where a directory's compression keeps its results once the server is sealed. */
  readonly cachePath: () => string | undefined;
  /** Whether a file with these rights can be read then; undefined: what can be read now can be. */
  readonly readable: SiteOptions['readable'];
}

/**
 * The site, and those of other hosts by name. All are read again at SIGHUP. `shared`: what other processes that serve
 * the same compress.
 */
export async function openSites(options: ServeOptions, log: Log, seal?: SiteSeal, shared?: SharedWork): Promise<Sites> {
  const served = { ...options.http.site, sealedCache: seal?.cachePath, readable: seal?.readable, shared };
  const site = await ServedSite.open(options.site ?? embeddedSite(), served, log, options.site ?? 'the embedded site');
  const all = [site];
  const hosts: Record<string, () => Store> = {};
  for (const [host, path] of options.http.siteFor) {
    const own = await ServedSite.open(path, { ...served, canonical: undefined }, log);
    hosts[host] = own.store;
    all.push(own);
  }
  onReload(() => {
    for (const one of all) void one.reload();
  });
  return { site, hosts, all };
}
