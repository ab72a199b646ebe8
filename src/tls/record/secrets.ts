/**
 * Secrets of connections, one behind the other in pages: an array of its own for each takes ten times its bytes, and a
 * connection that idles is little else.
 */

/** The longest digest of a suite. */
const SLOT = 48;
const PAGE_SLOTS = 256;

export class Secrets {
  readonly #pages: Uint8Array[] = [];
  readonly #free: number[] = [];

  /** Copies a secret of at most 48 bytes, and overwrites it; the place of the copy. */
  keep(secret: Uint8Array): number {
    const slot = this.#free.pop() ?? this.#add();
    this.#page(slot).set(secret, this.#at(slot));
    secret.fill(0);
    return slot;
  }

  /** The first `length` bytes of a place, as a view that holds until `forget`. */
  view(slot: number, length: number): Uint8Array {
    const at = this.#at(slot);
    return this.#page(slot).subarray(at, at + length);
  }

  /** Overwrites what lies there; the place is used again. */
  forget(slot: number): void {
    this.view(slot, SLOT).fill(0);
    this.#free.push(slot);
  }

  #add(): number {
    const first = this.#pages.length * PAGE_SLOTS;
    this.#pages.push(new Uint8Array(PAGE_SLOTS * SLOT));
    for (let slot = first + PAGE_SLOTS - 1; slot > first; slot--) this.#free.push(slot);
    return first;
  }

  #page(slot: number): Uint8Array {
    return this.#pages[Math.floor(slot / PAGE_SLOTS)]!;
  }

  #at(slot: number): number {
    return (slot % PAGE_SLOTS) * SLOT;
  }
}
