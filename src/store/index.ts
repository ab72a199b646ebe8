/** Directory -> bundle file -> store. */
export { type Bundled, bundleDirectory, openStore } from './open.js';
export type { Compression, OpenOptions, Progress, SiteOptions } from './options.js';
export type { Coding, Extent, Lookup, Representation, Resource, Store } from './store.js';
export { StoreError } from './store-error.js';
