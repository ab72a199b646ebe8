/**
 * Reads DER that a certificate authority sent: one value at a time, within bounds, never beyond the end of what is
 * around it.
 */

export interface Value {
  readonly tag: number;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
}

/** The value at `at`; undefined: there is none that ends within `end`. Lengths of four octets at most. */
export function valueAt(bytes: Uint8Array, at: number, end: number): Value | undefined {
  if (at + 2 > end) return undefined;
  const tag = bytes[at]!;
  let length = bytes[at + 1]!;
  let start = at + 2;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 4 || start + octets > end) return undefined;
    length = 0;
    for (const stop = start + octets; start < stop; start++) length = length * 256 + bytes[start]!;
  }
  return start + length > end ? undefined : { tag, start, end: start + length };
}

/** The values inside `[start, end)`; as far as they are well formed. Each is looked at once. */
export function* valuesIn(bytes: Uint8Array, start: number, end: number): Generator<Value> {
  for (let at = start; at < end; ) {
    const value = valueAt(bytes, at, end);
    if (value === undefined) return;
    yield value;
    at = value.end;
  }
}

/** The content of the first value inside `around` with that tag. */
export function child(bytes: Uint8Array, around: Value, tag: number): Value | undefined {
  for (const value of valuesIn(bytes, around.start, around.end)) if (value.tag === tag) return value;
  return undefined;
}
