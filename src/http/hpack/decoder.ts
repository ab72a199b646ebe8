import type { DynamicTable } from './dynamic-table.js';
import { HuffmanDecoder } from './huffman-decoder.js';
import { IntegerReader } from './integer.js';
import { STATIC_TABLE } from './static-table.js';

/** Changes of the table's size at the start of a block: only the lowest and the last one matter (RFC 7541 4.2). */
const MOST_RESIZES = 2;
const SHORT = 48;
const COLON = 0x3a;
const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/**
 * The destination of decoded fields. Each is written as `name: value`, CRLF into `bytes` from `at` on, and then
 * reported. `bytes` has room for the fields of one decoded block behind every possible `at`.
 */
export interface DecodedFields {
  readonly bytes: Uint8Array;
  /** Where the next field is to be written. */
  readonly at: number;
  /** Too much came: indexed fields are not copied any more, but the table stays in step. */
  readonly full: boolean;
  /** A number for what a field is, kept with it in the table. */
  kindOf(bytes: Uint8Array, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number;
  /** The field that was written at `at`. */
  add(nameLength: number, valueLength: number, kind: number): void;
}

/** Reads field blocks, RFC 7541 6. One for all connections, each of which has a table. */
export class HpackDecoder {
  readonly #huffman = new HuffmanDecoder();
  readonly #integers = new IntegerReader();
  /** The octets of names and values of the static table, and where each begins. */
  readonly #static: Uint8Array;
  readonly #starts = new Uint16Array(STATIC_TABLE.length + 1);
  readonly #nameLengths = new Uint8Array(STATIC_TABLE.length);
  readonly #kinds = new Uint8Array(STATIC_TABLE.length);
  #nameLength = 0;

  constructor(fields: Pick<DecodedFields, 'kindOf'>) {
    this.#static = new TextEncoder().encode(STATIC_TABLE.flat().join(''));
    let at = 0;
    STATIC_TABLE.forEach(([name, value], i) => {
      this.#starts[i] = at;
      this.#nameLengths[i] = name.length;
      const valueAt = at + name.length;
      this.#kinds[i] = fields.kindOf(this.#static, at, valueAt, valueAt, valueAt + value.length);
      at = valueAt + value.length;
      this.#starts[i + 1] = at;
    });
  }

  /**
   * Decodes the block `bytes[start..end)`; false: the block is malformed (COMPRESSION_ERROR), and `table` is invalid
   * from then on.
   */
  decode(table: DynamicTable, bytes: Uint8Array, start: number, end: number, fields: DecodedFields): boolean {
    const integers = this.#integers;
    let resizes = 0;
    for (let at = start; at < end; at = integers.at) {
      const octet = bytes[at]!;
      if (octet >= 0x80) {
        const index = integers.read(bytes, at, end, 7);
        if (index <= 0 || !this.#indexed(table, index, fields)) return false;
        resizes = MOST_RESIZES;
      } else if ((octet & 0xe0) === 0x20) {
        const size = integers.read(bytes, at, end, 5);
        if (size < 0 || resizes === MOST_RESIZES || !table.resize(size)) return false;
        resizes++;
      } else {
        if (!this.#literal(table, bytes, at, end, fields)) return false;
        resizes = MOST_RESIZES;
      }
    }
    return true;
  }

  /** RFC 7541 6.1. */
  #indexed(table: DynamicTable, index: number, fields: DecodedFields): boolean {
    if (index <= STATIC_TABLE.length) {
      if (fields.full) return true;
      const entry = index - 1;
      const start = this.#starts[entry]!;
      const nameLength = this.#nameLengths[entry]!;
      const valueLength = this.#starts[index]! - start - nameLength;
      write(this.#static, start, nameLength, valueLength, fields);
      fields.add(nameLength, valueLength, this.#kinds[entry]!);
      return true;
    }
    const entry = index - STATIC_TABLE.length - 1;
    if (entry >= table.count) return false;
    if (fields.full) return true;
    const nameLength = table.nameLength(entry);
    const valueLength = table.valueLength(entry);
    write(table.bytes, table.start(entry), nameLength, valueLength, fields);
    fields.add(nameLength, valueLength, table.kind(entry));
    return true;
  }

  /** RFC 7541 6.2: with a prefix of six bits it is put into the table, with one of four it is not. */
  #literal(table: DynamicTable, bytes: Uint8Array, start: number, end: number, fields: DecodedFields): boolean {
    const integers = this.#integers;
    const indexes = bytes[start]! >= 0x40;
    const index = integers.read(bytes, start, end, indexes ? 6 : 4);
    const out = fields.bytes;
    const nameAt = fields.at;
    if (index > 0) {
      if (!this.#name(table, index, out, nameAt)) return false;
    } else {
      if (index < 0) return false;
      const nameEnd = this.#string(bytes, integers.at, end, out, nameAt);
      if (nameEnd < 0) return false;
      this.#nameLength = nameEnd - nameAt;
    }
    const nameLength = this.#nameLength;
    const nameEnd = nameAt + nameLength;
    out[nameEnd] = COLON;
    out[nameEnd + 1] = SP;
    const valueAt = nameEnd + 2;
    const valueEnd = this.#string(bytes, integers.at, end, out, valueAt);
    if (valueEnd < 0) return false;
    out[valueEnd] = CR;
    out[valueEnd + 1] = LF;
    const kind = fields.kindOf(out, nameAt, nameEnd, valueAt, valueEnd);
    if (indexes) table.add(out, nameAt, nameLength, valueEnd - valueAt, kind);
    if (!fields.full) fields.add(nameLength, valueEnd - valueAt, kind);
    return true;
  }

  /** Copies the name of an entry. */
  #name(table: DynamicTable, index: number, out: Uint8Array, at: number): boolean {
    const entry = index - STATIC_TABLE.length - 1;
    if (entry < 0) {
      this.#nameLength = this.#nameLengths[index - 1]!;
      copy(this.#static, this.#starts[index - 1]!, this.#nameLength, out, at);
      return true;
    }
    if (entry >= table.count) return false;
    this.#nameLength = table.nameLength(entry);
    copy(table.bytes, table.start(entry), this.#nameLength, out, at);
    return true;
  }

  /** RFC 7541 5.2. The place in `out` behind the string, or -1. */
  #string(bytes: Uint8Array, at: number, end: number, out: Uint8Array, outAt: number): number {
    if (at >= end) return -1;
    const integers = this.#integers;
    const length = integers.read(bytes, at, end, 7);
    const start = integers.at;
    if (length < 0 || length > end - start) return -1;
    integers.at = start + length;
    if (bytes[at]! >= 0x80) return this.#huffman.decode(bytes, start, start + length, out, outAt);
    copy(bytes, start, length, out, outAt);
    return outAt + length;
  }
}

/** Writes a field whose value lies right behind its name. */
function write(
  from: Uint8Array,
  start: number,
  nameLength: number,
  valueLength: number,
  { bytes, at }: DecodedFields,
): void {
  copy(from, start, nameLength, bytes, at);
  const colon = at + nameLength;
  bytes[colon] = COLON;
  bytes[colon + 1] = SP;
  copy(from, start + nameLength, valueLength, bytes, colon + 2);
  const end = colon + 2 + valueLength;
  bytes[end] = CR;
  bytes[end + 1] = LF;
}

/** A view costs more than copying a few octets. */
function copy(from: Uint8Array, start: number, length: number, out: Uint8Array, at: number): void {
  if (length > SHORT) out.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) out[at + i] = from[start + i]!;
}
