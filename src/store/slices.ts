/** Long work that gives way: a program that serves meanwhile gets its turns. */

/** Milliseconds of work between two rests. */
const SLICE = 4;

export class Slices {
  private rested = performance.now();

  /** Whether it is time for a rest. */
  get due(): boolean {
    return performance.now() - this.rested > SLICE;
  }

  /** Lets everything else that waits have its turn. */
  async rest(): Promise<void> {
    await new Promise(setImmediate);
    this.rested = performance.now();
  }
}
