/** Watches the directory that a path leads to: it may be replaced by another one, at any step of the path. */
import { type FSWatcher, lstatSync, readlinkSync, statSync, watch } from 'node:fs';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';

/** Links on the way to a directory; as many as Linux follows (path_resolution(7)). */
const MOST_LINKS = 40;
/** How often the path is looked up without an event, in milliseconds: a mount over it sends none. */
const LOOK = 1000;

/** A directory, and the name in it that the path goes through. */
export interface Step {
  readonly dir: string;
  readonly name: string;
}

/**
 * Each directory in which the look-up of `path` reads a name, with that name: those of the path itself, and those of
 * every link on the way. Ends at the first missing directory.
 */
export function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  const { root } = parse(resolve(path));
  const names = resolve(path).slice(root.length).split(sep);
  let dir = root;
  for (let links = 0; names.length > 0; ) {
    const name = names.shift()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      dir = dirname(dir);
      continue;
    }
    steps.push({ dir, name });
    const target = linkAt(join(dir, name));
    if (target === undefined) dir = join(dir, name);
    else if (++links > MOST_LINKS) return steps;
    else {
      names.unshift(...target.split(sep));
      if (isAbsolute(target)) dir = parse(target).root;
    }
  }
  return steps;
}

/** Undefined: it is no link, or there is nothing. */
function linkAt(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}

/**
 * Names a directory for as long as it exists; undefined: there is none at `path`. Includes the birth time, because the
 * number of a deleted inode is used again.
 */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino, birthtimeNs } = statSync(path, { bigint: true });
    return `${dev} ${ino} ${birthtimeNs}`;
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}

/** Calls `changed` when `path` leads to another directory. Call `sync` after each such change has been handled. */
export class PathWatcher {
  private readonly watchers = new Map<string, FSWatcher>();
  private readonly timer: NodeJS.Timeout;
  private identity: string | undefined;

  constructor(
    private readonly path: string,
    private readonly changed: () => void,
  ) {
    this.timer = setInterval(() => this.look(), LOOK).unref();
  }

  /** Watches the way to the present directory. */
  sync(): void {
    this.close(false);
    for (const step of stepsOf(this.path)) this.add(step);
    this.identity = identityOf(this.path);
  }

  close(forGood = true): void {
    if (forGood) clearInterval(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private add({ dir, name }: Step): void {
    const key = join(dir, name);
    if (this.watchers.has(key)) return;
    try {
      const watcher = watch(dir, { persistent: false }, (_event, what) => {
        if (what === null || what === name) this.look();
      });
      watcher.on('error', () => this.look());
      this.watchers.set(key, watcher);
    } catch (error) {
      // The directory may not be read, or no watches are left: the check each second notices the change.
      expectSystemError(error);
    }
  }

  private look(): void {
    if (identityOf(this.path) !== this.identity) this.changed();
  }
}
