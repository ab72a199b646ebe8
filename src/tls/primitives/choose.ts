/** The fastest primitives that can be had here. */
import { NodePrimitives } from './node.js';
import type { Primitives } from './primitives.js';

/** `fallback` is called with the reason when OpenSSL's functions cannot be called directly. */
export async function choosePrimitives(fallback?: (reason: string) => void): Promise<Primitives> {
  try {
    const { EvpPrimitives } = await import('./evp.js');
    return new EvpPrimitives();
  } catch (error) {
    // No koffi for this platform, or an OpenSSL without these symbols: both say so by an error of their own.
    fallback?.(error instanceof Error ? error.message : String(error));
    return new NodePrimitives();
  }
}
