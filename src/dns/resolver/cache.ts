/** What was asked lately, for as long as it holds; of bounded size, the entry that was used longest ago goes first. */
import type { Response } from './response.js';

interface Entry {
  readonly response: Response;
  /** ms. */
  readonly until: number;
  readonly bytes: number;
}

/** Bytes that an entry takes beside its data. */
const OVERHEAD = 400;

export class Cache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  /** `limit`: bytes of all entries. */
  constructor(private readonly limit: number) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string, now: number): Response | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.remove(key, entry);
    if (entry.until <= now) return undefined;
    this.add(key, entry);
    return entry.response;
  }

  set(key: string, response: Response, now: number): void {
    const old = this.entries.get(key);
    if (old !== undefined) this.remove(key, old);
    const bytes = OVERHEAD + response.data.reduce((sum, data) => sum + data.length + 100, 0);
    if (response.ttl === 0 || bytes > this.limit) return;
    this.add(key, { response, until: now + response.ttl * 1000, bytes });
    for (const [oldest, entry] of this.entries) {
      if (this.bytes <= this.limit) break;
      this.remove(oldest, entry);
    }
  }

  private add(key: string, entry: Entry): void {
    this.entries.set(key, entry);
    this.bytes += entry.bytes;
  }

  private remove(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.bytes -= entry.bytes;
  }
}
