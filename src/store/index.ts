/** Directory -> bundle file -> store. */

export type { UserErrorCode } from '../errors/user-error.js';
export type { FileRights } from '../native/file-rights.js';
export type { Problem } from './inspect/check-links.js';
export {
  type DescribedFile,
  type DescribeOptions,
  type Description,
  describe,
  renderDescription,
} from './inspect/inspect.js';
export { type Bundled, bundleDirectory, bundleFiles } from './open/directory.js';
export { openStore } from './open/open.js';
export { type Watcher, type WatchOptions, watchStore } from './open/watch.js';
export type { Compression, Compressors, OpenOptions, Progress, SiteOptions, Times } from './options.js';
export { askStore, type StoreAnswer } from './read/ask.js';
export { type Found, type WalkOptions, walk } from './site/walk.js';
export type {
  Coding,
  Content,
  ContentReader,
  ContentSource,
  Extent,
  Lookup,
  Representation,
  Resource,
  Store,
} from './store.js';
export { StoreError } from './store-error.js';
