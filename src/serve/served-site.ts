/** A served site, which may be replaced by its next version meanwhile. */
import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { InTurn } from '../control/in-turn.js';
import { errorText } from '../errors/report.js';
import type { SharedWork } from '../store/compress/shared-work.js';
import { DEFAULT_KEPT_ASSETS, KeptAssets, StoreWithKept } from '../store/open/kept-assets.js';
import { openStore } from '../store/open/open.js';
import type { ServedDirectory } from '../store/open/serve-directory.js';
import type { Watcher } from '../store/open/watch.js';
import type { SiteOptions } from '../store/options.js';
import type { BundleStore } from '../store/read/bundle-store.js';
import { verifySlowly } from '../store/read/verify-slowly.js';
import type { Store } from '../store/store.js';
import { StoreError } from '../store/store-error.js';
import { canonicalOrigin } from './canonical-origin.js';
import type { Log } from './log.js';
import type { ServedArguments } from './options/http.js';

/** The longest delay of `setTimeout`. */
const LONGEST_TIMER = 2_147_483_647;

/** How a site is served, what it means for it that the process will be sealed, and with whom it is compressed. */
type Served = ServedArguments &
  Pick<SiteOptions, 'sealedCache' | 'readable'> & { readonly shared?: SharedWork | undefined };

export class ServedSite {
  private path: string;
  /** For people. */
  readonly name: string;
  private readonly options: Served;
  private origin: string | undefined;
  private readonly log: Log;
  private current: Store | undefined;
  /** The store that answers: `current`, with the kept files of earlier versions before it. */
  private front: Store | undefined;
  private readonly kept: KeptAssets;
  private readonly swaps = new InTurn();
  private watcher: Watcher | undefined;
  private directory: ServedDirectory | undefined;
  private forgetting: NodeJS.Timeout | undefined;
  private reloading = false;
  private again = false;

  private constructor(path: string, options: Served, log: Log, name: string) {
    this.name = name;
    this.path = path;
    this.options = options;
    this.log = log;
    this.kept = new KeptAssets({ ...DEFAULT_KEPT_ASSETS, time: options.keepAssets }, () => performance.now());
  }

  /** Opens a directory or bundle file, and watches a directory if that is asked for. Rejects with a `StoreError`. */
  static async open(path: string, options: Served, log: Log, name = path): Promise<ServedSite> {
    const site = new ServedSite(path, options, log, name);
    if (options.watch) {
      const onError = (sentence: string): void => log.warn(sentence);
      const { watchStore } = await import('../store/open/watch.js');
      site.watcher = await watchStore(path, { ...site.storeOptions, onError }, (store) => site.replace(store));
    } else {
      const { store, accepted } = await site.openPath(path);
      site.replace(store);
      accepted();
    }
    return site;
  }

  /**
   * The site at `path`; a directory is served before all of it is compressed. `verified`: a bundle is read whole first.
   * `accepted` is to be called when the store is served: only then does the work on an earlier version end.
   */
  private async openPath(path: string, verified = false): Promise<{ store: Store; accepted: () => void }> {
    if (!(await isDirectory(path))) {
      const store = await (verified ? this.openVerified(path, undefined) : openStore(path, this.storeOptions));
      return { store, accepted: () => this.directory?.close() };
    }
    if (this.directory === undefined) {
      // The seal of a server with a bundle lets it start no threads, which a directory is compressed by.
      if (this.current !== undefined)
        throw new StoreError(`${path} is a directory, and was a bundle file; start the server again to serve it`);
      const { ServedDirectory } = await import('../store/open/serve-directory.js');
      this.directory = new ServedDirectory(path, {
        ...this.storeOptions,
        shared: this.options.shared,
        onCoded: (store) => this.recoded(store),
        onNote: (sentence) => this.log.note(sentence),
      });
    }
    return { store: await this.directory.open(), accepted: () => this.directory?.begin() };
  }

  /** The same site with more codings replaces the served one. */
  private recoded(store: Store): void {
    const old = this.current;
    this.current = store;
    this.refront();
    old?.close();
  }

  /** The version that answers now. */
  readonly store = (): Store => this.front as Store;

  /** Whether the site is a bundle's, and not a directory that is watched. */
  get swappable(): boolean {
    return !this.options.watch;
  }

  /**
   * Serves the bundle file `path` from now on. It is completely verified first; a bundle that does not match its hashes
   * is refused with a StoreError, and nothing changes. `id`: the required id of the bundle.
   */
  swap(path: string, id: string | undefined): Promise<Store> {
    // Each change starts from the kept files of the last one.
    return this.swaps.run(() => this.swapNow(path, id));
  }

  private async swapNow(path: string, id: string | undefined): Promise<Store> {
    const store = await this.openVerified(path, id);
    const commit = await this.kept.prepare(this.current as Store, store);
    commit();
    this.path = path;
    this.directory?.close();
    this.directory = undefined;
    this.replace(store);
    return store;
  }

  private async openVerified(path: string, id: string | undefined): Promise<Store> {
    if (await isDirectory(path)) throw new StoreError(`${path} is a directory, and a bundle file was expected`);
    const store = await openStore(path, this.storeOptions);
    if (this.options.canonical !== undefined) canonicalOrigin(this.options.canonical, store, path);
    if (id !== undefined && store.id !== id) {
      store.close();
      throw new StoreError(`${path} is the bundle ${store.id.slice(0, 12)}, and ${id.slice(0, 12)} was expected`);
    }
    if ('pages' in store) await verifySlowly(store as BundleStore);
    return store;
  }

  /**
   * Keeps the fingerprinted files of a bundle that was served earlier, for `seconds` more. Missing files are left out.
   */
  async keepAssetsOf(path: string, seconds: number): Promise<void> {
    try {
      const old = await openStore(path, this.storeOptions);
      const commit = await this.kept.prepare(
        old,
        this.current as Store,
        Math.min(seconds * 1000, this.options.keepAssets),
      );
      commit();
      this.refront();
      old.close();
    } catch (error) {
      this.log.event('net', `${errorText(error)}: nothing of it is kept`);
    }
  }

  /** The kept files have changed, or the store behind them. */
  private refront(): void {
    const current = this.current as Store;
    if (this.kept.files > 0) this.forgetLater();
    this.front = this.kept.files > 0 ? new StoreWithKept(current, this.kept) : current;
  }

  /** Kept files must not stay in memory until the next swap. */
  private forgetLater(): void {
    clearTimeout(this.forgetting);
    const delay = Math.min(this.options.keepAssets + 1, LONGEST_TIMER);
    this.forgetting = setTimeout(() => {
      this.kept.forgetExpired();
      this.refront();
    }, delay).unref();
  }

  /** The origin that `--canonical-host` names, with the host of the version that answers now. */
  readonly canonical = (): string | undefined => this.origin;

  /** Reads the site again. A failure is reported, and the served version stays. */
  async reload(): Promise<void> {
    // One reading decides what is served: the watcher's.
    if (this.watcher !== undefined) return this.watcher.check();
    if (this.reloading) {
      this.again = true;
      return;
    }
    this.reloading = true;
    do {
      this.again = false;
      try {
        await this.swaps.run(() => this.reloadNow());
      } catch (error) {
        this.log.warn(`${errorText(error)}; the version that was served stays`);
      }
    } while (this.again);
    this.reloading = false;
  }

  private async reloadNow(): Promise<void> {
    // Complete and verified before it replaces the served version.
    const { store, accepted } = await this.openPath(this.path, true);
    if (this.options.canonical !== undefined) canonicalOrigin(this.options.canonical, store, this.path);
    const commit = await this.kept.prepare(this.current as Store, store);
    commit();
    this.replace(store);
    accepted();
  }

  close(): void {
    clearTimeout(this.forgetting);
    this.watcher?.close();
    this.directory?.close();
  }

  private get storeOptions() {
    const warn = (sentence: string): void => this.log.warn(sentence);
    const {
      watch: _watch,
      liveReload: reload,
      keepAssets: _kept,
      canonical: _host,
      shared: _shared,
      ...site
    } = this.options;
    return { ...site, reload, onWarning: warn, onDamage: warn };
  }

  /** New requests are answered from `store`; answers under way keep the bytes that they refer to. */
  private replace(store: Store): void {
    const old = this.current;
    const { canonical } = this.options;
    // A version without a CNAME is not served: links to the earlier host would break.
    if (canonical !== undefined) this.origin = canonicalOrigin(canonical, store, this.name);
    this.current = store;
    this.refront();
    if (old === undefined) return;
    if (old.id !== store.id) this.log.event('net', `${this.path}: now serving ${store.id.slice(0, 12)}`);
    old.close();
  }
}

/** False also when there is nothing: `openStore` says what is wrong with it. */
function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
