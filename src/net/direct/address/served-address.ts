/** The address that a network has now, who waits for it, and what the operator is told when it changes. */
export interface AddressWatcher {
  readonly onNotice?: ((sentence: string) => void) | undefined;
  readonly onFailure?: ((sentence: string) => void) | undefined;
}

export class ServedAddress {
  /** In text; undefined: there is none. */
  current: string | undefined = undefined;
  /** Why there will be none any more. */
  failure: Error | undefined = undefined;
  /** The last address that there was. */
  private served: string | undefined = undefined;
  private readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** `onLost`: connections on the address have ended. */
  constructor(
    private readonly watcher: AddressWatcher,
    private readonly onLost: (address: string) => void,
  ) {}

  /** The stack has this address now; undefined: it has none any more. */
  is(address: string | undefined): void {
    const old = this.current;
    if (address === old) return;
    this.current = address;
    if (address === undefined) {
      this.onLost(old!);
      this.watcher.onNotice?.(`the address ${old} is not ours any more; connections on it ended`);
      return;
    }
    // Another one than that which was printed: clients must learn of it.
    if (this.served !== undefined && this.served !== address) this.watcher.onNotice?.(`our address is ${address} now`);
    this.served = address;
    for (const { resolve } of this.waiting.splice(0)) resolve();
  }

  /** Resolves when there is one, after there was none. */
  known(): Promise<void> {
    return new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** There is no way to go on: who waits is told, or the operator. */
  fail(sentence: string): void {
    this.failure = new Error(sentence);
    const waiting = this.waiting.splice(0);
    for (const { reject } of waiting) reject(this.failure);
    if (waiting.length === 0) this.watcher.onFailure?.(sentence);
  }
}
