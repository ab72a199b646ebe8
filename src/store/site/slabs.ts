/** Room for the contents of very many small files. */
import type { Blob } from './site.js';

/** Bytes of a piece of memory that contents share. */
const SLAB = 2 ** 18;
/** Bytes; larger contents have a piece of their own. */
const SMALL = 2 ** 14;
/** Contents before the first that shares: a slab stays as long as one of its contents does, be the others changed. */
const ALONE = 1024;

/**
 * Each array of bytes of its own costs some 300 bytes, and all of them are looked through after each collection of
 * garbage: with 400,000 of them nothing is answered for a tenth of a second. For the contents of one reading.
 */
export class Slabs {
  private free = new Uint8Array(0);
  private taken = 0;

  /** `size` bytes, to be filled; some of them may lie in one buffer with others. */
  take(size: number): Uint8Array {
    if (size > SMALL || this.taken++ < ALONE) return Buffer.allocUnsafeSlow(size);
    if (this.free.length < size) this.free = Buffer.allocUnsafeSlow(SLAB);
    const bytes = this.free.subarray(0, size);
    this.free = this.free.subarray(size);
    return bytes;
  }

  /** The same content, with room from here. */
  async hold(blob: Blob): Promise<Blob> {
    if (blob.size > SMALL || this.taken < ALONE) {
      this.taken++;
      return blob;
    }
    const bytes = this.take(blob.size);
    bytes.set(await blob.load());
    return { ...blob, load: () => bytes };
  }
}
