/** The overhead of an entry beyond its octets, RFC 7541 4.1. */
const OVERHEAD = 32;
/**
 * The table size that SETTINGS_HEADER_TABLE_SIZE allows the peer: its initial value, which we do not change (RFC 9113
 * 6.5.2).
 */
export const TABLE_SIZE = 4096;
const FIRST_BYTES = 512;
const FIRST_ENTRIES = 16;
/** Of tables without entries, which clients that put nothing in keep. */
const NO_BYTES = new Uint8Array(0);
const NO_ENTRIES = new Uint16Array(0);

/**
 * The dynamic table of one decoder, RFC 7541 2.3.2. Its octets lie behind one another in one buffer, which grows to
 * `TABLE_SIZE`; an entry is its place, the lengths of its name and value, and what kind of field it is.
 */
export class DynamicTable {
  bytes = NO_BYTES;
  /** A ring of places, lengths of names and of values, kinds: four numbers an entry. */
  #ring = NO_ENTRIES;
  /** The number of the oldest entry, and of the next; they only grow, and are taken modulo the ring. */
  #first = 0;
  #next = 0;
  /** Octets behind the newest entry. */
  #end = 0;
  #size = 0;
  #limit = TABLE_SIZE;

  /** Entries in it. */
  get count(): number {
    return this.#next - this.#first;
  }

  /** As RFC 7541 4.1 has it. */
  get size(): number {
    return this.#size;
  }

  /**
   * Where entry `index` lies, 0 for the newest; the entry must exist. The octets of its name begin there, and those of
   * its value follow.
   */
  start(index: number): number {
    return this.#ring[this.#at(index)]!;
  }

  nameLength(index: number): number {
    return this.#ring[this.#at(index) + 1]!;
  }

  valueLength(index: number): number {
    return this.#ring[this.#at(index) + 2]!;
  }

  kind(index: number): number {
    return this.#ring[this.#at(index) + 3]!;
  }

  #at(index: number): number {
    return ((this.#next - 1 - index) * 4) & (this.#ring.length - 1);
  }

  /** The size that the peer chose last, at most `TABLE_SIZE`. */
  get limit(): number {
    return this.#limit;
  }

  /** RFC 7541 4.3. False: more than the peer is allowed. */
  resize(limit: number): boolean {
    if (limit > TABLE_SIZE) return false;
    this.#limit = limit;
    this.#evict(limit);
    return true;
  }

  /**
   * Puts in the field that lies in `from` as `name: value` from `start` on; `from` is not the table's own buffer. A
   * field that is too large leaves the table empty (RFC 7541 4.4).
   */
  add(from: Uint8Array, start: number, nameLength: number, valueLength: number, kind: number): void {
    const length = nameLength + valueLength;
    this.#evict(this.#limit - length - OVERHEAD);
    if (length + OVERHEAD > this.#limit) return;
    this.#makeRoom(length);
    const place = this.#end;
    const valueStart = start + nameLength + 2;
    const { bytes } = this;
    bytes.set(from.subarray(start, start + nameLength), place);
    bytes.set(from.subarray(valueStart, valueStart + valueLength), place + nameLength);
    this.#end = place + length;
    this.#size += length + OVERHEAD;
    this.#next++;
    const at = this.#at(0);
    const ring = this.#ring;
    ring[at] = place;
    ring[at + 1] = nameLength;
    ring[at + 2] = valueLength;
    ring[at + 3] = kind;
  }

  #evict(limit: number): void {
    while (this.#size > limit && this.#next > this.#first) {
      const oldest = this.count - 1;
      this.#size -= this.nameLength(oldest) + this.valueLength(oldest) + OVERHEAD;
      this.#first++;
    }
    if (this.#next === this.#first) this.#end = 0;
  }

  /**
   * Makes room for an entry, and for its octets at the end. The existing octets move to the front when the end of the
   * buffer is reached.
   */
  #makeRoom(length: number): void {
    if (this.count * 4 >= this.#ring.length) this.#growRing();
    if (this.#end + length <= this.bytes.length) return;
    const start = this.count === 0 ? this.#end : this.start(this.count - 1);
    const used = this.#end - start;
    let capacity = Math.max(this.bytes.length, FIRST_BYTES);
    while (capacity < used + length) capacity *= 2;
    if (capacity === this.bytes.length) this.bytes.copyWithin(0, start, this.#end);
    else {
      const larger = new Uint8Array(capacity);
      larger.set(this.bytes.subarray(start, this.#end));
      this.bytes = larger;
    }
    for (let i = 0; i < this.count; i++) this.#ring[this.#at(i)]! -= start;
    this.#end = used;
  }

  #growRing(): void {
    const larger = new Uint16Array(Math.max(FIRST_ENTRIES * 4, this.#ring.length * 2));
    const { count } = this;
    for (let i = 0; i < count; i++) {
      const at = this.#at(i);
      larger.set(this.#ring.subarray(at, at + 4), (count - 1 - i) * 4);
    }
    this.#ring = larger;
    this.#first = 0;
    this.#next = count;
  }
}
