/**
 * The addresses that a network has now, the callers that wait for them, and the reports to the operator when they
 * change.
 */
import { UserError } from '../../../errors/user-error.js';
export interface AddressWatcher {
  readonly onNotice?: ((sentence: string) => void) | undefined;
  readonly onFailure?: ((sentence: string) => void) | undefined;
}

export type Family = 4 | 6;

/** What is known of one family. */
interface Known {
  /** In text. */
  addresses: readonly string[];
  /** Addresses that were given by hand are still looked for on the link. */
  awaited: boolean;
  failed: boolean;
}

export class ServedAddress {
  /** Why there will be none any more. */
  failure: Error | undefined = undefined;
  /** Gets each further address, from the moment this is set. */
  onFurther: ((address: string) => void) | undefined = undefined;
  private readonly families: Readonly<Record<Family, Known>>;
  /** The last IPv4 address that there was. */
  private served: string | undefined = undefined;
  private readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  /** Addresses that were reported already. */
  private readonly told = new Set<string>();

  /**
   * `awaited`: families of which an address was given by hand. `anycast`: IPv4 addresses that are there as soon as
   * there is a way to answer. `onLost`: connections on the address have ended.
   */
  constructor(
    private readonly watcher: AddressWatcher,
    awaited: readonly Family[],
    private readonly anycast: readonly string[],
    private readonly onLost: (address: string) => void,
  ) {
    const known = (family: Family): Known => ({ addresses: [], awaited: awaited.includes(family), failed: false });
    this.families = { 4: known(4), 6: known(6) };
  }

  /** In text, IPv4 first. */
  get all(): readonly string[] {
    const { 4: ipv4, 6: ipv6 } = this.families;
    return [...ipv4.addresses, ...(ipv4.addresses.length > 0 ? this.anycast : []), ...ipv6.addresses];
  }

  /** The first of them; undefined: there is none. */
  get current(): string | undefined {
    return this.all[0];
  }

  /** Whether there is something to listen on, and nothing more is certain to come soon. */
  get settled(): boolean {
    return this.all.length > 0 && !this.families[4].awaited && !this.families[6].awaited;
  }

  /** The stack has this IPv4 address now, and `further` ones; undefined: it has none any more. */
  is(address: string | undefined, further: readonly string[] = []): void {
    const old = this.families[4].addresses[0];
    this.families[4].awaited = false;
    if (address !== undefined) this.families[4].addresses = [address, ...further];
    if (address === old) return this.look();
    if (address === undefined) this.families[4].addresses = [];
    if (address === undefined) {
      this.lost(old!);
      return;
    }
    // Another one than that which was printed: clients must learn of it.
    if (this.served !== undefined && this.served !== address) {
      this.watcher.onNotice?.(`our address is ${address} now`);
      this.told.add(address);
    }
    this.served = address;
    this.look();
  }

  /** The stack has these IPv6 addresses now. `settled`: all that were given have been looked for. */
  are(addresses: readonly string[], settled: boolean): void {
    const known = this.families[6];
    const gone = known.addresses.filter((one) => !addresses.includes(one));
    known.addresses = addresses;
    known.awaited &&= !settled;
    for (const one of gone) this.lost(one);
    this.look();
  }

  private lost(address: string): void {
    this.told.delete(address);
    this.onLost(address);
    this.watcher.onNotice?.(`the address ${address} is not ours any more; connections on it ended`);
  }

  private look(): void {
    if (!this.settled) return;
    for (const { resolve } of this.waiting.splice(0)) resolve();
    if (this.onFurther === undefined) return;
    for (const one of this.all) {
      if (!this.told.has(one)) this.onFurther(one);
      this.told.add(one);
    }
  }

  /** From now on `onFurther` gets the addresses that come; those that are here are known already. */
  listened(): void {
    for (const one of this.all) this.told.add(one);
  }

  /** Resolves when there are addresses, after there were none. */
  known(): Promise<void> {
    return new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /**
   * There is no way to go on with this family: the other one may serve. Else those that wait get the error, or the
   * operator gets it.
   */
  fail(sentence: string, family?: Family): void {
    if (family !== undefined) {
      this.families[family].awaited = false;
      this.families[family].failed = true;
      const other = this.families[family === 4 ? 6 : 4];
      if (other.addresses.length > 0 || (other.awaited && !other.failed)) {
        this.watcher.onNotice?.(sentence);
        this.look();
        return;
      }
    }
    this.failure = new UserError(sentence);
    const waiting = this.waiting.splice(0);
    for (const { reject } of waiting) reject(this.failure);
    if (waiting.length === 0) this.watcher.onFailure?.(sentence);
  }
}
