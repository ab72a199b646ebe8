/** Bundles as memories that other programs on this machine can open, too. */

import { isBug } from '../../errors/codes.js';
import type { Memories } from '../../memory/memories.js';
import { Damage } from '../format/verified-pages.js';
import { bundleNameOf, openBundle } from '../read/bundle-names.js';
import { BundleStore } from '../read/bundle-store.js';
import { verifySlowly } from '../read/verify-slowly.js';
import { openStore } from './open.js';

export const sharedBundles: Memories = {
  nameOf: bundleNameOf,
  async open({ id, path }) {
    try {
      const store = openBundle(id) ?? (await openStore(path));
      if (!(store instanceof BundleStore) || store.id !== id) return undefined;
      // Verify all of it: bytes that are sent from it are not looked up in a store, and so would stay unverified.
      await verifySlowly(store);
      return store.memory;
    } catch (error) {
      // Its file is gone, is another one by now, or is damaged.
      if (isBug(error) && !(error instanceof Damage)) throw error;
      return undefined;
    }
  },
};
