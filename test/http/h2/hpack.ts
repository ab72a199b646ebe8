/** Field blocks as a peer makes and reads them: written for tests alone, but for the Huffman code. */
import { HuffmanDecoder } from '../../../src/http/hpack/huffman-decoder.js';
import { putInteger } from '../../../src/http/hpack/integer.js';
import { STATIC_TABLE } from '../../../src/http/hpack/static-table.js';

export type FieldLine = readonly [name: string, value: string];

/** Literals that are not indexed, with names in full. Latin-1. */
export function literals(fields: readonly FieldLine[]): Uint8Array {
  const out: number[] = [];
  for (const [name, value] of fields) {
    out.push(0);
    for (const text of [name, value]) {
      putInteger(out, 0, 7, text.length);
      for (const c of text) out.push(c.charCodeAt(0));
    }
  }
  return Uint8Array.from(out);
}

/** Literals that are put into the table (RFC 7541 6.2.1). */
export function indexing(fields: readonly FieldLine[]): Uint8Array {
  const out: number[] = [];
  for (const [name, value] of fields) {
    out.push(0x40);
    for (const text of [name, value]) {
      putInteger(out, 0, 7, text.length);
      for (const c of text) out.push(c.charCodeAt(0));
    }
  }
  return Uint8Array.from(out);
}

/** Reads blocks that use no dynamic table, as this server's must not; throws at whatever else there is. */
export class BlockReader {
  readonly #huffman = new HuffmanDecoder();
  #at = 0;

  read(block: Uint8Array): FieldLine[] {
    const fields: FieldLine[] = [];
    for (this.#at = 0; this.#at < block.length; ) {
      const octet = block[this.#at]!;
      if (octet >= 0x80) {
        const entry = STATIC_TABLE[this.#integer(block, 7) - 1];
        if (entry === undefined) throw new Error('an index beyond the static table');
        fields.push(entry);
      } else if (octet >= 0x40) throw new Error('a literal that is to be indexed');
      else if (octet >= 0x20) {
        if (this.#integer(block, 5) !== 0 || fields.length > 0) throw new Error('a size of the table');
      } else {
        const index = this.#integer(block, 4);
        const name = index > 0 ? STATIC_TABLE[index - 1]![0] : this.#string(block);
        fields.push([name, this.#string(block)]);
      }
    }
    return fields;
  }

  #integer(block: Uint8Array, bits: number): number {
    const most = (1 << bits) - 1;
    let value = block[this.#at++]! & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      const octet = block[this.#at++]!;
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) return value;
    }
  }

  #string(block: Uint8Array): string {
    const coded = block[this.#at]! >= 0x80;
    const length = this.#integer(block, 7);
    const bytes = block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error('a string cut short');
    this.#at += length;
    if (!coded) return Buffer.from(bytes).toString('latin1');
    const out = new Uint8Array(length * 2);
    const end = this.#huffman.decode(bytes, 0, length, out, 0);
    if (end < 0) throw new Error('no Huffman string');
    return Buffer.from(out.subarray(0, end)).toString('latin1');
  }
}
