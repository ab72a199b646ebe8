/** Sites for tests: made in a directory of their own, which is removed when the test ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { OpenOptions } from '../../src/store/index.js';
import { openStore } from '../../src/store/index.js';
import type { Extent, Lookup, Representation, Resource, Store } from '../../src/store/store.js';

export type Tree = Readonly<Record<string, string | Uint8Array>>;

interface Test {
  teardown(fn: () => void): void;
}

/** An empty directory that goes when the test ends. */
export function directory(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'sitekernel-store-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A directory with `files`, made in the order of the keys. */
export function tree(t: Test, files: Tree): string {
  const dir = directory(t);
  for (const [path, content] of Object.entries(files)) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return dir;
}

/** A store over `files`; nothing is compressed unless asked for. */
export function storeOf(t: Test, files: Tree, options: OpenOptions = {}): Promise<Store> {
  return openStore(tree(t, files), { compression: 'none', ...options });
}

export function lookup(store: Store, path: string): Lookup {
  const bytes = new TextEncoder().encode(`?${path}?`);
  return store.lookup(bytes, 1, bytes.length - 1);
}

export function text(extent: Extent): string {
  return new TextDecoder().decode(extent.memory.bytes.subarray(extent.start, extent.end));
}

/** `200 /about.html`, `301 /about/`, `404 /404.html` or `404`: what a path leads to, in short. */
export function outcome(store: Store, path: string): string {
  const found = lookup(store, path);
  if (found.kind === 'redirect') return `${found.status} ${found.location}`;
  const resource = found.kind === 'resource' ? found.resource : found.page;
  return resource ? `${text(identity(resource).headOk).slice(9, 12)} ${resource.path}` : '404';
}

export function identity(resource: Resource): Representation {
  return resource.representations[0]!;
}

/** The resource at `path`, or the page for what is missing there. */
export function resource(store: Store, path: string): Resource {
  const found = lookup(store, path);
  const there = found.kind === 'resource' ? found.resource : found.kind === 'missing' ? found.page : undefined;
  if (!there) throw new Error(`nothing at ${path}`);
  return there;
}

/** The fields of a head: names in lower case. */
export function fields(extent: Extent): Map<string, string> {
  const lines = text(extent).split('\r\n').slice(1, -1);
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}
