/** Long work that yields: a program that serves meanwhile gets its turns. */

/** Milliseconds of work between two pauses. */
const SLICE = 4;

export class Slices {
  private rested = performance.now();

  /** Whether it is time for a pause. */
  get due(): boolean {
    return performance.now() - this.rested > SLICE;
  }

  /** Yields to all other waiting work. */
  async rest(): Promise<void> {
    await new Promise(setImmediate);
    this.rested = performance.now();
  }
}
