import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { type Found, inOrder, isFetchable, isServed, type WalkOptions, walk } from './walk.js';

/** What the last walk found, so that the next one need look only at what was touched meanwhile. */
export class WalkMemory {
  private readonly root: string;
  private readonly options: WalkOptions;
  private real = '';
  private found: readonly Found[] = [];
  /** Where in `found` each path is. */
  private places = new Map<string, number>();
  /** A file that lies elsewhere than its path says may change without its path being touched. */
  private linked = true;

  constructor(root: string, options: WalkOptions = {}) {
    this.root = root;
    this.options = options;
  }

  /** Every file, as `walk` has it. Throws StoreError. */
  all(): readonly Found[] {
    const found = walk(this.root, this.options);
    this.real = realpathSync(this.root);
    this.linked = found.some(({ path, file }) => file !== join(this.real, path));
    return this.keep(found);
  }

  /**
   * The same when nothing but the files at the paths `touched` can have changed since the last time: what was not
   * touched is the same object. Undefined: it takes a walk to know.
   */
  again(touched: ReadonlySet<string>): readonly Found[] | undefined {
    if (this.linked) return undefined;
    const next: (Found | undefined)[] = [...this.found];
    let moved = false;
    for (const path of touched) {
      if (!path.split('/').every((name) => name === '' || this.isTaken(name))) continue;
      const file = join(this.real, path);
      const place = this.places.get(path);
      const stats = statsOf(file);
      if (stats !== undefined && !stats.isFile()) return undefined;
      if (place === undefined && stats === undefined) continue;
      const one = stats && { path, file, size: stats.size };
      if (place !== undefined) next[place] = one;
      else next.push(one);
      moved ||= place === undefined || one === undefined;
    }
    const found = next.filter((one) => one !== undefined);
    return this.keep(moved ? inOrder(found) : found);
  }

  private isTaken(name: string): boolean {
    return isServed(name, this.options.hidden ?? false) && isFetchable(name);
  }

  private keep(found: readonly Found[]): readonly Found[] {
    this.found = found;
    this.places = new Map(found.map(({ path }, place) => [path, place]));
    return found;
  }
}

/** Undefined: there is nothing, or it cannot be looked at. */
function statsOf(file: string): Stats | undefined {
  try {
    return lstatSync(file);
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}
