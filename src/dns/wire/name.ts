/**
 * Names as bytes: labels of 1 to 63 bytes, each after its length, and a zero at the end (RFC 1035 3.1). Bytes of a
 * label may have any
 * value; only the letters of ASCII have no case (RFC 4343).
 */
import { MAX_LABEL, MAX_LABELS, MAX_NAME } from './constants.js';

export type Name = Uint8Array;

const ROOT: Name = new Uint8Array(1);

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));

export function lowerByte(byte: number): number {
  return LOWER[byte];
}

/** A copy in small letters. Bytes of lengths are below 64, and no letters. */
export function lowerName(name: Name): Name {
  return name.map((byte) => LOWER[byte]);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Offsets at which labels begin, the root's not counted. */
export function labelStarts(name: Name): number[] {
  const starts: number[] = [];
  for (let at = 0; name[at] !== 0; at += name[at] + 1) starts.push(at);
  return starts;
}

export function labelCount(name: Name): number {
  let count = 0;
  for (let at = 0; name[at] !== 0; at += name[at] + 1) count += 1;
  return count;
}

/** The name without its first label. The root has none. */
export function parentOf(name: Name): Name {
  return name.subarray(name[0] + 1);
}

export function isWildcard(name: Name): boolean {
  return name[0] === 1 && name[1] === 0x2a;
}

/** Whether `name` is `ancestor` or below it; both in small letters. */
export function isWithin(name: Name, ancestor: Name): boolean {
  const from = name.length - ancestor.length;
  if (from < 0) return false;
  let at = 0;
  while (at < from) at += name[at] + 1;
  return at === from && sameBytes(name.subarray(from), ancestor);
}

/** A string that two names share if they are equal but for case: a key of maps. */
export function nameKey(name: Name): string {
  let key = '';
  for (let i = 0; i < name.length; i++) key += String.fromCharCode(LOWER[name[i]]);
  return key;
}

/** Canonical order (RFC 4034 6.1): by labels from the right, each as bytes in small letters. */
export function compareNames(a: Name, b: Name): number {
  const left = labelStarts(a);
  const right = labelStarts(b);
  for (let i = left.length - 1, j = right.length - 1; i >= 0 && j >= 0; i--, j--) {
    const order = compareLabels(a, left[i], b, right[j]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareLabels(a: Name, at: number, b: Name, other: number): number {
  const length = Math.min(a[at], b[other]);
  for (let i = 1; i <= length; i++) {
    const order = LOWER[a[at + i]] - LOWER[b[other + i]];
    if (order !== 0) return order;
  }
  return a[at] - b[other];
}

/** What is wrong with a name in text; `at`: the offset of the character. */
export class NameError extends Error {
  override readonly name = 'NameError';

  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/**
 * A name out of its text (RFC 1035 5.1): labels between dots, `\.` for a dot in a label, `\DDD` for a byte, `@` for the
 * origin; what
 * does not end in a dot is completed with `origin`. Throws a `NameError`.
 */
export function parseName(text: string, origin: Name | undefined): Name {
  if (text === '@') {
    if (origin === undefined) throw new NameError('"@" stands for the origin, and none was given', 0);
    return origin;
  }
  if (text === '.') return ROOT;
  const bytes: number[] = [];
  let start = 0;
  let lengthAt = 0;
  bytes.push(0);
  const close = (at: number): void => {
    const length = bytes.length - lengthAt - 1;
    if (length === 0) throw new NameError('a label is empty: two dots in a row, or one at the beginning', at);
    if (length > MAX_LABEL) throw new NameError(`a label has ${length} bytes; ${MAX_LABEL} are the most`, start);
    bytes[lengthAt] = length;
  };
  for (let i = 0; i < text.length; ) {
    const char = text.charCodeAt(i);
    if (char === 0x2e) {
      close(i);
      lengthAt = bytes.length;
      bytes.push(0);
      i += 1;
      start = i;
      if (bytes.length > MAX_NAME + 1) break;
      continue;
    }
    const escaped = char === 0x5c ? escapeAt(text, i) : undefined;
    bytes.push(escaped?.byte ?? char);
    i += escaped?.length ?? 1;
  }
  const absolute = bytes.length - lengthAt === 1;
  if (!absolute) {
    close(text.length);
    if (origin === undefined) throw new NameError('the name does not end in a dot, and no origin was given', 0);
    bytes.push(...origin);
  }
  if (bytes.length > MAX_NAME) throw new NameError(`the name has more than ${MAX_NAME} bytes`, 0);
  return Uint8Array.from(bytes);
}

/**
 * The byte that a backslash at `at` and what follows stand for, and the characters that they take. Throws a
 * `NameError`.
 */
export function escapeAt(text: string, at: number): { readonly byte: number; readonly length: number } {
  const next = text.charCodeAt(at + 1);
  if (Number.isNaN(next)) throw new NameError('a backslash at the end stands for nothing', at);
  if (next < 0x30 || next > 0x39) return { byte: next, length: 2 };
  const digits = text.slice(at + 1, at + 4);
  if (!/^\d{3}$/.test(digits) || Number(digits) > 255) {
    throw new NameError(`"\\${digits}" is not a backslash and three digits from 000 to 255`, at);
  }
  return { byte: Number(digits), length: 4 };
}

/** The text of a name, with a dot at the end. */
export function nameText(name: Name): string {
  if (name[0] === 0) return '.';
  let text = '';
  for (let at = 0; name[at] !== 0; at += name[at] + 1) {
    for (let i = 1; i <= name[at]; i++) text += byteText(name[at + i]);
    text += '.';
  }
  return text;
}

/** A byte of a label: escaped where it would mean something else in a zone file. */
function byteText(byte: number): string {
  if (byte < 0x21 || byte > 0x7e) return `\\${String(byte).padStart(3, '0')}`;
  const char = String.fromCharCode(byte);
  return '.\\"();@$'.includes(char) ? `\\${char}` : char;
}

/**
 * Reads a name without compression out of `bytes[at..end)`, in small letters, into `into`. Returns its length, and -1
 * when there is none:
 * a pointer, a label type that is not defined (RFC 6891 5), more than 255 bytes, or an end too early. `starts` gets the
 * offsets of its
 * labels, and the number of them goes to `starts[MAX_LABELS]`.
 */
export function readName(bytes: Uint8Array, at: number, end: number, into: Uint8Array, starts: Uint8Array): number {
  let length = 0;
  let labels = 0;
  for (;;) {
    if (at + length >= end) return -1;
    const size = bytes[at + length];
    if (size > MAX_LABEL || length + size + 1 > MAX_NAME || at + length + size + 1 > end) return -1;
    into[length] = size;
    if (size === 0) break;
    starts[labels] = length;
    labels += 1;
    for (let i = 1; i <= size; i++) into[length + i] = LOWER[bytes[at + length + i]];
    length += size + 1;
  }
  starts[MAX_LABELS] = labels;
  return length + 1;
}
