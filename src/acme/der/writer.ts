/**
 * DER (ITU-T X.690) as far as certificates and requests for them need it: values are byte strings, put together from
 * the inside out.
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: tag, length in its shortest form (X.690 10.1), and the parts one behind the other. */
export function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = [tag];
  if (length < 0x80) head.push(length);
  else {
    const octets: number[] = [];
    for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left & 0xff);
    head.push(0x80 | octets.length, ...octets);
  }
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(TAG.sequence, ...parts);
}

/** An INTEGER that is not negative: `bytes` is its value, most significant octet first. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const value = bytes.subarray(start);
  // X.690 8.3: a leading one bit would be a sign.
  return (value[0] ?? 0x80) >= 0x80 ? encode(TAG.integer, Uint8Array.of(0), value) : encode(TAG.integer, value);
}

/** A BIT STRING of whole octets. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return encode(TAG.bitString, Uint8Array.of(0), bytes);
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return encode(TAG.octetString, bytes);
}

/** An OBJECT IDENTIFIER from its text, `1.2.840.10045.4.3.2`; each number below 2^31. */
export function objectIdentifier(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const octets: number[] = [];
  for (const number of [first * 40 + second, ...rest]) {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f));
    octets.push(...groups);
  }
  return encode(TAG.oid, Uint8Array.from(octets));
}

/** GeneralizedTime in UTC, whole seconds (RFC 5280 4.1.2.5.2). `time` in milliseconds since 1970. */
export function generalizedTime(time: number): Uint8Array {
  const text = `${new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return encode(TAG.generalizedTime, new TextEncoder().encode(text));
}

/** A certificate extension (RFC 5280 4.1); `value` is the DER of what it holds. */
export function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  const flag = critical ? [encode(TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(objectIdentifier(oid), ...flag, octetString(value));
}

/** A context-specific value: `constructed` for an explicit tag around others. */
export function context(number: number, constructed: boolean, ...parts: readonly Uint8Array[]): Uint8Array {
  return encode(0x80 | (constructed ? 0x20 : 0) | number, ...parts);
}
