/** The address of an immutable memory, for gathering writes. */
import type { Memory } from '../../memory/memory.js';
import { addressOf } from './slab.js';

/**
 * Returns where `memory.bytes[0]` lies, asked once a memory. The memory needs no pin: a caller that uses the address in
 * a call holds the memory, hence its bytes, during that call, and the store behind an ArrayBuffer does not move.
 * Returns 0 where the bytes have no stable place (a resizable or detached buffer): copy them instead.
 */
export function memoryAddress(memory: Memory): number {
  if (memory.address !== 0) return memory.address;
  const buffer = memory.bytes.buffer as ArrayBufferLike & { resizable?: boolean };
  if (buffer.resizable === true || memory.bytes.byteLength === 0) return 0;
  memory.address = addressOf(memory.bytes);
  return memory.address;
}
