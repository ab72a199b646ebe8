/** A site that is served, and may be replaced by its next version while it is. */
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';
import type { Watcher } from '../store/watch.js';
import type { SiteArguments } from './http-arguments.js';
import type { Log } from './log.js';

export class ServedSite {
  readonly path: string;
  private readonly options: SiteArguments;
  private readonly log: Log;
  private current: Store | undefined;
  private watcher: Watcher | undefined;
  private reloading = false;
  private again = false;

  private constructor(path: string, options: SiteArguments, log: Log) {
    this.path = path;
    this.options = options;
    this.log = log;
  }

  /** Opens a directory or bundle file, and watches a directory if that is asked for. Rejects with a `StoreError`. */
  static async open(path: string, options: SiteArguments, log: Log): Promise<ServedSite> {
    const site = new ServedSite(path, options, log);
    if (options.watch) {
      const onError = (sentence: string): void => log.warn(sentence);
      const { watchStore } = await import('../store/watch.js');
      site.watcher = await watchStore(path, { ...site.storeOptions, onError }, (store) => site.replace(store));
    } else site.current = await openStore(path, site.storeOptions);
    return site;
  }

  /** The version that answers now. */
  readonly store = (): Store => this.current as Store;

  /** Reads the site again. What cannot be read is said, and the version that is served stays. */
  async reload(): Promise<void> {
    if (this.reloading) {
      this.again = true;
      return;
    }
    this.reloading = true;
    do {
      this.again = false;
      try {
        this.replace(await openStore(this.path, this.storeOptions));
      } catch (error) {
        this.log.warn(`${error instanceof Error ? error.message : error}; the version that was served stays`);
      }
    } while (this.again);
    this.reloading = false;
  }

  close(): void {
    this.watcher?.close();
  }

  private get storeOptions() {
    const { spa, hidden, mime } = this.options;
    const warn = (sentence: string): void => this.log.warn(sentence);
    return { spa, hidden, mime, onWarning: warn, onDamage: warn };
  }

  /** New requests are answered from `store`; answers on their way keep the bytes that they refer to. */
  private replace(store: Store): void {
    const old = this.current;
    this.current = store;
    if (old === undefined) return;
    if (old.id !== store.id) this.log.event('net', `${this.path}: now serving ${store.id.slice(0, 12)}`);
    old.close();
  }
}
