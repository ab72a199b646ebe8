import type { Coding, Representation, Resource } from '../../store/store.js';
import { isToken, name } from './octets.js';
import { eachWeighted, type WeightedMember } from './weighted-list.js';

const GZIP = name('gzip');
const X_GZIP = name('x-gzip');
const BR = name('br');
const ZSTD = name('zstd');
const IDENTITY = name('identity');
const ABSENT = -1;

/** `Accept-Encoding`, RFC 9110 12.5.3. Weights in thousandths. */
export class Encodings {
  #present = false;
  #gzip = ABSENT;
  #br = ABSENT;
  #zstd = ABSENT;
  #identity = ABSENT;
  #any = ABSENT;
  readonly #take: WeightedMember = (bytes, from, to, weight) => this.#set(bytes, from, to, weight);

  clear(): void {
    this.#present = false;
    this.#gzip = this.#br = this.#zstd = this.#identity = this.#any = ABSENT;
  }

  /** Reads one field line's value. Members that do not parse are ignored. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#present = true;
    eachWeighted(bytes, start, end, this.#take);
  }

  #set(bytes: Uint8Array, from: number, to: number, weight: number): void {
    if (isToken(bytes, from, to, GZIP) || isToken(bytes, from, to, X_GZIP)) this.#gzip = weight;
    else if (isToken(bytes, from, to, BR)) this.#br = weight;
    else if (isToken(bytes, from, to, ZSTD)) this.#zstd = weight;
    else if (isToken(bytes, from, to, IDENTITY)) this.#identity = weight;
    else if (to - from === 1 && bytes[from] === 0x2a) this.#any = weight;
  }

  /** How much the client wants a coding: 0 (not at all) to 1000. */
  weight(coding: Coding): number {
    if (!this.#present) return coding === 'identity' ? 1000 : 0;
    const own =
      coding === 'br' ? this.#br : coding === 'gzip' ? this.#gzip : coding === 'zstd' ? this.#zstd : this.#identity;
    if (own !== ABSENT) return own;
    if (this.#any !== ABSENT) return this.#any;
    // If the field does not name identity, it is acceptable, but after every coding that is named.
    return coding === 'identity' ? 0.5 : 0;
  }

  /** The representation that the client prefers, the smallest of equals; undefined when it accepts none (406). */
  choose(resource: Resource): Representation | undefined {
    const all = resource.representations;
    // A file that is stored compressed can only be sent in that coding: a client that does not accept the coding gets
    // it all the same, as from other servers.
    if (!this.#present || (all.length === 1 && all[0]!.coding !== 'identity')) return all[0];
    let best: Representation | undefined;
    let bestWeight = 0;
    for (let i = 0; i < all.length; i++) {
      const candidate = all[i]!;
      const weight = this.weight(candidate.coding);
      if (weight === 0 || weight < bestWeight) continue;
      if (best === undefined || weight > bestWeight || size(candidate) < size(best)) {
        best = candidate;
        bestWeight = weight;
      }
    }
    return best;
  }
}

function size(representation: Representation): number {
  return representation.body.end - representation.body.start;
}
