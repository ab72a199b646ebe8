/**
 * Fingerprinted files of replaced sites, kept for a time: a page that a visitor loaded before a deployment requests its
 * scripts, styles and pictures after it. They are copies, so that no other part of the old site stays in memory.
 */
import { Memory } from '../../memory/memory.js';
import { saysImmutable } from '../format/heads.js';
import { pathHash } from '../paths/path-hash.js';
import { Slices } from '../slices.js';
import type { Extent, Lookup, Representation, Resource, Store } from '../store.js';

export interface KeptAssetsLimits {
  /** How long a file stays after the site that had it, ms; 0: nothing stays. */
  readonly time: number;
  /** Files at most; the oldest go first. */
  readonly files: number;
  /** Bytes at most, of all forms and heads together. */
  readonly bytes: number;
}

export const DEFAULT_KEPT_ASSETS: KeptAssetsLimits = { time: 86_400_000, files: 4096, bytes: 64 * 2 ** 20 };

interface Kept {
  readonly path: Uint8Array;
  readonly hash: number;
  readonly answer: Lookup;
  readonly bytes: number;
  expires: number;
}

export class KeptAssets {
  /** In the order of their removal. */
  private kept: readonly Kept[] = [];
  private readonly byHash = new Map<number, Kept[]>();
  private held = 0;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(
    private readonly limits: KeptAssetsLimits,
    private readonly now: () => number,
  ) {}

  get files(): number {
    return this.kept.length;
  }

  get bytes(): number {
    return this.held;
  }

  /**
   * Prepares the set to keep when `next` replaces `old`. Nothing changes until the returned function is called, which
   * works in one step. `time`: how long `old`'s files stay, ms from now, if it was retired earlier.
   */
  async prepare(old: Store, next: Store, time = this.limits.time): Promise<() => void> {
    const added: Kept[] = [];
    const encoder = new TextEncoder();
    const expires = this.now() + time;
    const slices = new Slices();
    if (time > 0) {
      const wanted = (path: string): boolean => !/\.html?$/.test(path);
      for (const resource of old.resourcesStepwise?.(wanted) ?? old.resources(wanted)) {
        if (slices.due) await slices.rest();
        if (resource === undefined) continue;
        // A page that is gone is gone.
        if (resource.contentType.startsWith('text/html') || !saysImmutable(resource)) continue;
        if (sizeOf(resource) > this.limits.bytes) continue;
        const path = encoder.encode(resource.path);
        if (!has(next, path, resource.path)) added.push(copyOf(resource, path, expires));
      }
    }
    return () => this.install(added, next);
  }

  private install(added: readonly Kept[], next: Store): void {
    const now = this.now();
    const fresh = new Set(added.map(({ path }) => Buffer.from(path).toString('latin1')));
    const stay = this.kept.filter(
      ({ path, expires }) =>
        expires > now && !fresh.has(Buffer.from(path).toString('latin1')) && !has(next, path, undefined),
    );
    const all = [...stay, ...added].sort((a, b) => a.expires - b.expires);
    let bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    let first = 0;
    while (first < all.length && (all.length - first > this.limits.files || bytes > this.limits.bytes)) {
      bytes -= all[first++]!.bytes;
    }
    this.set(all.slice(first));
  }

  private set(kept: readonly Kept[]): void {
    this.kept = kept;
    this.held = kept.reduce((sum, one) => sum + one.bytes, 0);
    this.byHash.clear();
    for (const one of kept) {
      const others = this.byHash.get(one.hash);
      if (others === undefined) this.byHash.set(one.hash, [one]);
      else others.push(one);
    }
  }

  /** The file kept for the path `bytes[start..end)`, unless its time is over. */
  lookup(bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const some = this.byHash.get(pathHash(bytes, start, end));
    if (some === undefined) return undefined;
    for (const one of some) {
      if (!same(one.path, bytes, start, end)) continue;
      if (one.expires > this.now()) return one.answer;
      this.forgetExpired();
      return undefined;
    }
    return undefined;
  }

  /** Releases the files whose time is over. */
  forgetExpired(): void {
    const now = this.now();
    if (this.kept.some(({ expires }) => expires <= now)) this.set(this.kept.filter(({ expires }) => expires > now));
  }
}

/** Bytes of all forms: a file above the bound is not even copied. */
function sizeOf({ representations }: Resource): number {
  return representations.reduce((sum, { body }) => sum + body.end - body.start, 0);
}

/** Whether the site has the file, or a rule about it; a page for every unknown path is neither. */
function has(store: Store, path: Uint8Array, name: string | undefined): boolean {
  const found = store.lookup(path, 0, path.length);
  if (found.kind !== 'resource') return found.kind === 'redirect';
  return found.resource.path === (name ?? new TextDecoder('utf-8', { ignoreBOM: true }).decode(path));
}

function same(path: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (path.length !== end - start) return false;
  for (let i = 0; i < path.length; i++) if (path[i] !== bytes[start + i]) return false;
  return true;
}

function copyOf(resource: Resource, path: Uint8Array, expires: number): Kept {
  const extents = resource.representations.flatMap((one) => [
    one.body,
    one.headOk,
    one.headNotModified,
    one.headPartial,
    one.headFailed,
  ]);
  const size = extents.reduce((sum, { start, end }) => sum + end - start, 0);
  const target = new Uint8Array(size);
  const memory = new Memory(target);
  let at = 0;
  const copy = ({ memory: from, start, end }: Extent): Extent => {
    target.set(from.bytes.subarray(start, end), at);
    const begin = at;
    at += end - start;
    return { memory, start: begin, end: at };
  };
  const representations = resource.representations.map(
    (one): Representation => ({
      coding: one.coding,
      etag: one.etag,
      body: copy(one.body),
      headOk: copy(one.headOk),
      headNotModified: copy(one.headNotModified),
      headPartial: copy(one.headPartial),
      headFailed: copy(one.headFailed),
    }),
  );
  const { contentType, lastModified } = resource;
  const answer: Lookup = {
    kind: 'resource',
    resource: { path: resource.path, contentType, lastModified, representations, passing: true },
  };
  return { path, hash: pathHash(path, 0, path.length), answer, bytes: size, expires };
}

/** A site, with the kept files of earlier sites behind it. */
export class StoreWithKept implements Store {
  constructor(
    private readonly current: Store,
    private readonly kept: KeptAssets,
  ) {}

  get id(): string {
    return this.current.id;
  }

  get size(): number {
    return this.current.size;
  }

  lookup(bytes: Uint8Array, start: number, end: number): Lookup {
    return this.kept.lookup(bytes, start, end) ?? this.current.lookup(bytes, start, end);
  }

  resources(wanted?: (path: string) => boolean): Iterable<Resource> {
    return this.current.resources(wanted);
  }

  resourcesStepwise(wanted?: (path: string) => boolean): Iterable<Resource | undefined> {
    return this.current.resourcesStepwise?.(wanted) ?? this.current.resources(wanted);
  }

  close(): void {
    this.current.close();
  }
}
