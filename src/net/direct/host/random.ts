/**
 * Unpredictable numbers for sequence numbers, ports and keys, out of the operating system's generator, a batch at a
 * time.
 */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../../random.js';

const BATCH = 1024;

export class CryptoRandom implements Random {
  private readonly words = new Int32Array(BATCH);
  private left = 0;

  random32(): number {
    if (this.left === 0) {
      randomFillSync(this.words);
      this.left = BATCH;
    }
    this.left -= 1;
    const value = this.words[this.left];
    // A number that was handed out is overwritten here: a memory dump of this array does not show it.
    this.words[this.left] = 0;
    return value;
  }
}
