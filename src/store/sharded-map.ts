/**
 * A map of many entries that grows in small pieces: when one map of some hundred thousand grows, all of them are moved
 * in one step, and nothing is answered meanwhile.
 */
const SHARDS = 256;
/** Characters at the end of a key that choose its shard, and at most how many before those: a step apart. */
const LAST = 12;
const BEFORE = 6;

export class ShardedMap<K extends string | number, V> {
  private readonly shards = Array.from({ length: SHARDS }, () => new Map<K, V>());

  get(key: K): V | undefined {
    return this.shardOf(key).get(key);
  }

  has(key: K): boolean {
    return this.shardOf(key).has(key);
  }

  set(key: K, value: V): void {
    this.shardOf(key).set(key, value);
  }

  delete(key: K): void {
    this.shardOf(key).delete(key);
  }

  get size(): number {
    return this.shards.reduce((sum, { size }) => sum + size, 0);
  }

  /** In no order. A key may be deleted meanwhile. */
  *keys(): Generator<K> {
    for (const shard of this.shards) yield* shard.keys();
  }

  /** Entries of the fullest shard. */
  get fullest(): number {
    return Math.max(...this.shards.map(({ size }) => size));
  }

  private shardOf(key: K): Map<K, V> {
    return this.shards[shardNumber(key)]!;
  }
}

function shardNumber(key: string | number): number {
  // Places are multiples of a cache line.
  if (typeof key === 'number') return Math.floor(key / 64) % SHARDS;
  let hash = key.length;
  // All characters of a long key take longer than the map itself.
  const last = key.length - LAST;
  for (let i = Math.max(0, last); i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  const step = last > BEFORE ? (last / BEFORE) | 0 : 1;
  for (let i = last - 1; i >= 0; i -= step) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 8)) & (SHARDS - 1);
}
