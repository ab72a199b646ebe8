/** Runs changes one after the other: each begins with what the one before has made. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves and rejects as `change` does. A change that failed was its caller's: the next one runs all the same. */
  run<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.then(nothing, nothing);
    return done;
  }

  /** Resolves when every change that was asked for is through, also when it failed. */
  async through(): Promise<void> {
    await this.#last;
  }
}

function nothing(): void {}
