/**
 * One sealed copy of each bundle for all processes of `--workers`: the first process makes it and names it in the
 * environment, the others map it. A path keeps the same descriptor at each reload, so that workers find the newest copy
 * where they found the first.
 */
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ifSystemError } from '../../errors/codes.js';
import { libc } from '../../native/libc/libc.js';
import { isSealed, mapSealed, sealedCopy } from '../../native/memory/sealed-copy.js';

/** The variable: a JSON object, from the absolute path of a bundle to the path of its copy. */
const COPIES = 'SITEKERNEL_BUNDLES';
/** Bytes; a smaller bundle is read: loading the code that maps files takes as long as reading that many bytes. */
export const MAPPED_BYTES = 2 ** 23;

const O_CLOEXEC = 0o2000000;

/** The first process's copies. */
export class BundleCopies {
  private readonly paths: readonly string[];
  /** By path. */
  private readonly fds = new Map<string, number>();

  /** `paths`: sites, of which the bundles that are large enough are copied. */
  constructor(paths: readonly string[]) {
    this.paths = paths.map((path) => resolve(path));
  }

  /**
   * Copies the present bundles of the paths. A bundle that cannot be copied is left out: workers then open the file
   * themselves.
   */
  async renew(): Promise<void> {
    for (const path of this.paths) {
      const copy = await copyOf(path);
      const place = this.fds.get(path);
      if (copy === undefined) this.forget(path);
      else if (place === undefined) this.fds.set(path, copy);
      else {
        libc().dup2(copy, place);
        libc().close(copy);
      }
    }
  }

  /** Variables to add to a worker's environment. */
  get environment(): Readonly<Record<string, string>> {
    const entries = [...this.fds].map(([path, fd]) => [path, `/proc/${process.pid}/fd/${fd}`]);
    return entries.length === 0 ? {} : { [COPIES]: JSON.stringify(Object.fromEntries(entries)) };
  }

  close(): void {
    for (const path of [...this.fds.keys()]) this.forget(path);
  }

  private forget(path: string): void {
    const fd = this.fds.get(path);
    if (fd !== undefined) libc().close(fd);
    this.fds.delete(path);
  }
}

async function copyOf(path: string): Promise<number | undefined> {
  const handle = await open(path, 'r').catch(ifSystemError(undefined));
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size >= MAPPED_BYTES ? await sealedCopy(handle.fd, stats.size) : undefined;
  } finally {
    await handle.close();
  }
}

/** The bytes of `path` in a copy that the first process made; undefined: there is none. */
export function sharedCopy(path: string): Uint8Array | undefined {
  const copies = process.env[COPIES];
  const name = copies === undefined ? undefined : (JSON.parse(copies) as Record<string, string>)[resolve(path)];
  if (name === undefined) return undefined;
  const fd = libc().open(name, O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const size = isSealed(fd) ? fstatSync(fd).size : 0;
  if (size > 0) return mapSealed(fd, size);
  libc().close(fd);
  return undefined;
}
