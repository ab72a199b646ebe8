/** Directory -> bundle file -> store. */
export type { Problem } from './check-links.js';
export { type Bundled, bundleDirectory, bundleFiles } from './directory.js';
export { type DescribedFile, type Description, describe, renderDescription } from './inspect.js';
export { openStore } from './open.js';
export type { Compression, OpenOptions, Progress, SiteOptions } from './options.js';
export type { Coding, Extent, Lookup, Representation, Resource, Store } from './store.js';
export { StoreError } from './store-error.js';
export { type Found, walk } from './walk.js';
export { type Watcher, type WatchOptions, watchStore } from './watch.js';
