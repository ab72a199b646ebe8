import type { Coding, Representation, Resource } from '../../store/store.js';
import { CLASS, COMMA, DIGIT, isToken, name, SEMICOLON, skipSpace, trimEnd } from './octets.js';

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

  clear(): void {
    this.#present = false;
    this.#gzip = this.#br = this.#zstd = this.#identity = this.#any = ABSENT;
  }

  /** Reads one field line's value. Members that do not parse are ignored. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#present = true;
    for (let at = start; at < end; ) {
      let stop = at;
      let parameters = -1;
      for (; stop < end && bytes[stop] !== COMMA; stop++) {
        if (bytes[stop] === SEMICOLON && parameters < 0) parameters = stop;
      }
      const from = skipSpace(bytes, at, stop);
      const to = trimEnd(bytes, from, parameters < 0 ? stop : parameters);
      const weight = parameters < 0 ? 1000 : qualityOf(bytes, parameters + 1, stop);
      if (weight >= 0 && to > from) this.#set(bytes, from, to, weight);
      at = stop + 1;
    }
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

/** `q=0.5` among parameters, in thousandths; 1000 without one, -1 when it is no `qvalue` (RFC 9110 12.4.2). */
export function qualityOf(bytes: Uint8Array, start: number, end: number): number {
  const at = skipSpace(bytes, start, end);
  const stop = trimEnd(bytes, at, end);
  if (stop - at < 3 || (bytes[at]! | 0x20) !== 0x71 || bytes[at + 1] !== 0x3d) return -1;
  const whole = bytes[at + 2]! - 0x30;
  if (whole !== 0 && whole !== 1) return -1;
  let value = whole * 1000;
  if (stop === at + 3) return value;
  if (bytes[at + 3] !== 0x2e || stop - at > 7) return -1;
  let unit = 100;
  for (let i = at + 4; i < stop; i++) {
    if ((CLASS[bytes[i]!]! & DIGIT) === 0) return -1;
    value += (bytes[i]! - 0x30) * unit;
    unit /= 10;
  }
  return value > 1000 ? -1 : value;
}
