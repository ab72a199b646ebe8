import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { ShardedMap } from '../sharded-map.js';
import { filtered, Slices } from '../slices.js';
import { type Found, foundAt, inOrderStepwise, isFetchable, isServed, type WalkOptions, walkStepwise } from './walk.js';

/** The files of the last walk, so that the next one need check only the touched ones. */
export class WalkMemory {
  private readonly root: string;
  private readonly options: WalkOptions;
  private real = '';
  private found: readonly Found[] = [];
  /** Where in `found` each path is. */
  private places = new ShardedMap<string, number>();
  /** A file that is reached through a link may change without a touch of its path. */
  private linked = true;

  constructor(root: string, options: WalkOptions = {}) {
    this.root = root;
    this.options = options;
  }

  /** Every file, as `walk` has it. Rejects with a StoreError. */
  async all(slices = new Slices()): Promise<readonly Found[]> {
    const found = await slices.through(walkStepwise(this.root, this.options));
    this.real = realpathSync(this.root);
    this.linked = await slices.through(this.hasLinks(found));
    this.found = found;
    this.places = await slices.through(placesOf(found));
    return found;
  }

  private *hasLinks(found: readonly Found[]): Generator<void, boolean> {
    for (const [i, { path, file }] of found.entries()) {
      if (i % STEP === 0) yield;
      if (file !== join(this.real, path)) return true;
    }
    return false;
  }

  /**
   * The same, when only the files at the paths `touched` can have changed since the last time: an untouched file is the
   * same object. Undefined: a walk is needed.
   */
  async again(touched: ReadonlySet<string>, slices = new Slices()): Promise<readonly Found[] | undefined> {
    if (this.linked) return undefined;
    const next: (Found | undefined)[] = [...this.found];
    let moved = false;
    for (const path of touched) {
      if (slices.due) await slices.rest();
      if (!path.split('/').every((name) => name === '' || this.isTaken(name))) continue;
      const file = join(this.real, path);
      const place = this.places.get(path);
      const stats = statsOf(file);
      if (stats !== undefined && !stats.isFile()) return undefined;
      if (place === undefined && stats === undefined) continue;
      const one = stats && foundAt(path, file, stats, { readable: this.options.readable });
      if (place !== undefined) next[place] = one;
      else next.push(one);
      moved ||= place === undefined || one === undefined;
    }
    if (moved) {
      const left = await slices.through(filtered(next, (one) => one !== undefined));
      this.found = await slices.through(inOrderStepwise(left as Found[]));
      this.places = await slices.through(placesOf(this.found));
    } else this.found = next as Found[];
    return this.found;
  }

  private isTaken(name: string): boolean {
    return isServed(name, this.options.hidden ?? false) && isFetchable(name);
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

/** Files between two looks at the clock. */
const STEP = 256;

function* placesOf(found: readonly Found[]): Generator<void, ShardedMap<string, number>> {
  const places = new ShardedMap<string, number>();
  for (const [place, { path }] of found.entries()) {
    if (place % STEP === 0) yield;
    places.set(path, place);
  }
  return places;
}
