/** The bundle file of a memory, and the open bundles. Neither map keeps anything in memory. */
import type { MemoryName } from '../../memory/memories.js';
import type { Memory } from '../../memory/memory.js';
import type { BundleStore } from './bundle-store.js';

const names = new WeakMap<Memory, MemoryName>();
const stores = new Map<string, WeakRef<BundleStore>>();

/** `path`: the file's, absolute. */
export function noteBundle(store: BundleStore, path: string): void {
  for (const [id, one] of stores) if (one.deref() === undefined) stores.delete(id);
  names.set(store.memory, { id: store.id, path });
  stores.set(store.id, new WeakRef(store));
}

export function bundleNameOf(memory: Memory): MemoryName | undefined {
  return names.get(memory);
}

/** A bundle that is open, or was until recently. */
export function openBundle(id: string): BundleStore | undefined {
  return stores.get(id)?.deref();
}
