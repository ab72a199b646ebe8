/** Verifying all of a bundle in a process that serves meanwhile. */
import { performance } from 'node:perf_hooks';
import { PAGE } from '../format/format.js';
import { Damage } from '../format/verified-pages.js';
import { StoreError } from '../store-error.js';
import type { BundleStore } from './bundle-store.js';

/** Milliseconds of hashing between two pauses. */
const SLICE = 4;

/** Verifies every page against its hash in the bundle. Rejects with a StoreError at the first that is damaged. */
export async function verifySlowly(store: BundleStore): Promise<void> {
  const { data, fileBytes } = store.header;
  let rested = performance.now();
  for (let at = data; at < fileBytes; at += PAGE) {
    try {
      store.pages.ensure(at, Math.min(at + PAGE, fileBytes));
    } catch (error) {
      if (error instanceof Damage) throw new StoreError(error.message);
      throw error;
    }
    if (performance.now() - rested < SLICE) continue;
    await new Promise(setImmediate);
    rested = performance.now();
  }
}
