/** `sitekernel --self-test [SITE]`: would this program serve this site? */

import { CryptoRandom } from '../net/direct/host/random.js';
import { selfTest } from '../self-test/self-test.js';
import { BundleStore } from '../store/read/bundle-store.js';
import { verifySlowly } from '../store/read/verify-slowly.js';
import { Log } from './log.js';
import type { ServeOptions } from './options/serve.js';
import { openSites, type Sites } from './sites.js';

export async function runSelfTest(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  try {
    const sites = await openSites(options, log);
    const { pages, bytes } = await testSites(options, sites);
    process.stdout.write(`self-test passed: ${pages} answers, ${bytes} bytes, each as in the bundle\n`);
  } finally {
    await log.close();
  }
}

/** Verifies all hashes of every site, and fetches pages of each through HTTP and TCP. Rejects with a `UserError`. */
export async function testSites(options: ServeOptions, sites: Sites): Promise<{ pages: number; bytes: number }> {
  let pages = 0;
  let bytes = 0;
  for (const site of sites.all) {
    const store = site.store();
    if (store instanceof BundleStore) await verifySlowly(store);
    const { base } = options.http;
    const random = new CryptoRandom();
    const result = await selfTest({ store, base, random, wallClock: Date.now() });
    pages += result.pages;
    bytes += result.bytes;
  }
  return { pages, bytes };
}
