/** Brotli (RFC 7932) as WebAssembly. On its own, since a megabyte of it is compiled when this is imported. */
import brotli = require('brotli-wasm');

export function compress(bytes: Uint8Array, quality: number): Uint8Array {
  return brotli.compress(bytes, { quality });
}
