import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { type Found, inOrder, isFetchable, isServed, type WalkOptions, walk } from './walk.js';

/** The files of the last walk, so that the next one need check only the touched ones. */
export class WalkMemory {
  private readonly root: string;
  private readonly options: WalkOptions;
  private real = '';
  private found: readonly Found[] = [];
  /** Where in `found` each path is. */
  private places = new Map<string, number>();
  /** A file that is reached through a link may change without a touch of its path. */
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
   * The same, when only the files at the paths `touched` can have changed since the last time: an untouched file is the
   * same object. Undefined: a walk is needed.
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

/** Undefined: no file is there, or it cannot be read. */
function statsOf(file: string): Stats | undefined {
  try {
    return lstatSync(file);
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}
