import { EOS, huffmanCode } from './huffman-code.js';

/** Of an entry of the machine: the next state in the low 9 bits, the octet from bit 16 on. */
const STATE = 0x1ff;
const EMITS = 0x200;
const FAILS = 0x800;

/** Decodes Huffman strings four bits at a time: a state is a node of the code's tree. */
export class HuffmanDecoder {
  readonly #machine: Uint32Array;
  readonly #endsAt: Uint8Array;

  constructor() {
    const { children, padding } = tree();
    const nodes = children.length / 2;
    this.#machine = new Uint32Array(nodes * 16);
    this.#endsAt = padding;
    for (let node = 0; node < nodes; node++) {
      for (let nibble = 0; nibble < 16; nibble++) this.#machine[node * 16 + nibble] = step(children, node, nibble);
    }
  }

  /**
   * Decodes `bytes[start..end)` into `out` from `at` on, which has room for 8/5 of its length. The place behind the
   * last octet, or -1: it holds EOS, or its padding is not as RFC 7541 5.2 has it.
   */
  decode(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    const machine = this.#machine;
    let entry = 0;
    for (let i = start; i < end; i++) {
      const octet = bytes[i]!;
      entry = machine[((entry & STATE) << 4) | (octet >> 4)]!;
      if ((entry & EMITS) !== 0) out[at++] = entry >>> 16;
      // FAILS is checked once an octet: the state after it is the root's, and the octets written are discarded.
      const failed = entry & FAILS;
      entry = machine[((entry & STATE) << 4) | (octet & 15)]!;
      if (((entry | failed) & FAILS) !== 0) return -1;
      if ((entry & EMITS) !== 0) out[at++] = entry >>> 16;
    }
    return this.#endsAt[entry & STATE] === 1 ? at : -1;
  }
}

/**
 * The code's tree: two children a node, each a node's number or -symbol - 1; and the nodes whose path may be padding.
 */
function tree(): { readonly children: Int32Array; readonly padding: Uint8Array } {
  const { lengths, codes } = huffmanCode();
  const children = new Int32Array(2 * 256);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = lengths[symbol]! - 1; bit > 0; bit--) {
      const child = node * 2 + ((codes[symbol]! >>> bit) & 1);
      if (children[child] === 0) children[child] = nodes++;
      node = children[child]!;
    }
    children[node * 2 + (codes[symbol]! & 1)] = -symbol - 1;
  }
  const padding = new Uint8Array(256);
  for (let node = 0, bits = 0; bits < 8; bits++) {
    padding[node] = 1;
    node = children[node * 2 + 1]!;
  }
  return { children, padding };
}

function step(children: Int32Array, from: number, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[node * 2 + ((nibble >> bit) & 1)]!;
    if (child >= 0) node = child;
    else {
      const symbol = -child - 1;
      if (symbol === EOS) return FAILS;
      // The shortest code has five bits: four of them end one symbol at most.
      emitted = EMITS | (symbol << 16);
      node = 0;
    }
  }
  return node | emitted;
}
