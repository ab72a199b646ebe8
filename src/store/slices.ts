/** Long work that yields: a program that serves meanwhile gets its turns. */

/** Milliseconds of work between two pauses. */
const SLICE = 4;

export class Slices {
  private rested = performance.now();
  private resting: Promise<void> | undefined = undefined;

  /** Whether it is time for a pause. */
  get due(): boolean {
    return performance.now() - this.rested > SLICE;
  }

  /** Yields to all other waiting work. Several that share a slice rest together, and have one slice after it. */
  rest(): Promise<void> {
    this.resting ??= new Promise((resolve) => {
      setImmediate(() => {
        this.rested = performance.now();
        this.resting = undefined;
        resolve();
      });
    });
    return this.resting;
  }

  /** Does all of `steps`, which yields between two of them, with pauses. */
  async through<T>(steps: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (this.due) await this.rest();
    }
  }
}

/** Does all of `steps` without a pause. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
