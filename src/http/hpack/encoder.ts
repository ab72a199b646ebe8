/**
 * Field sections of answers, made from the heads that HTTP/1 sends: an answer has one definition and two encodings.
 * Uses the static table and literals that are not indexed (RFC 7541 6.2.2), so that the encoder has no state, and a
 * block is the same on every connection.
 */
import { huffmanCode } from './huffman-code.js';
import { putInteger } from './integer.js';
import { STATIC_TABLE } from './static-table.js';

const LITERAL = 0x00;
const INDEXED = 0x80;
const HUFFMAN = 0x80;

/** Fields about one HTTP/1 connection, which HTTP/2 does not have (RFC 9113 8.2.2). */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

export class HpackEncoder {
  readonly #code = huffmanCode();
  /** The first entry of each name, and the entry of each field. */
  readonly #names = new Map<string, number>();
  readonly #fields = new Map<string, number>();

  constructor() {
    STATIC_TABLE.forEach(([name, value], i) => {
      if (!this.#names.has(name)) this.#names.set(name, i + 1);
      if (value !== '') this.#fields.set(`${name}: ${value}`, i + 1);
    });
  }

  /** The block of a head in HTTP/1's form, Latin-1: its status line, and lines up to its end or an empty line. */
  head(text: string): Uint8Array {
    const out: number[] = [];
    this.#put(out, ':status', text.slice(9, 12));
    this.#lines(out, text.slice(text.indexOf('\r\n') + 2));
    return Uint8Array.from(out);
  }

  /** The same of field lines alone. */
  lines(text: string): Uint8Array {
    const out: number[] = [];
    this.#lines(out, text);
    return Uint8Array.from(out);
  }

  #lines(out: number[], text: string): void {
    for (const line of text.split('\r\n')) {
      if (line === '') return;
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (!OF_CONNECTIONS.has(name)) this.#put(out, name, line.slice(colon + 1).trim());
    }
  }

  #put(out: number[], name: string, value: string): void {
    const whole = this.#fields.get(`${name}: ${value}`);
    if (whole !== undefined) {
      putInteger(out, INDEXED, 7, whole);
      return;
    }
    const known = this.#names.get(name) ?? 0;
    putInteger(out, LITERAL, 4, known);
    if (known === 0) this.#string(out, name);
    this.#string(out, value);
  }

  /** RFC 7541 5.2, in the shorter of the two ways. */
  #string(out: number[], text: string): void {
    const { lengths, codes } = this.#code;
    let bits = 0;
    for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i)]!;
    const length = Math.ceil(bits / 8);
    if (length >= text.length) {
      putInteger(out, 0, 7, text.length);
      for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i));
      return;
    }
    putInteger(out, HUFFMAN, 7, length);
    let pending = 0;
    let count = 0;
    for (let i = 0; i < text.length; i++) {
      const symbol = text.charCodeAt(i);
      // At most 7 bits wait, and a code has 30: too many for 32-bit operations.
      pending = pending * 2 ** lengths[symbol]! + codes[symbol]!;
      for (count += lengths[symbol]!; count >= 8; ) {
        count -= 8;
        const unit = 2 ** count;
        const octet = Math.floor(pending / unit);
        out.push(octet);
        pending -= octet * unit;
      }
    }
    // Filled up with the first bits of EOS, which are ones.
    if (count > 0) out.push(pending * 2 ** (8 - count) + 2 ** (8 - count) - 1);
  }
}
