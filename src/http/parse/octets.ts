/**
 * A table of the syntax classes that each octet belongs to: RFC 9110 5.6 and RFC 3986. Also the comparisons that let a
 * parser work on bytes without making strings.
 */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** `tchar`, RFC 9110 5.6.2. */
export const TCHAR = 1;
/** What a field value may hold: `VCHAR`, `obs-text`, SP and HTAB, RFC 9110 5.5. */
export const VALUE = 2;
/**
 * The characters of a request target: all visible ones. Octets from 0x80 are not URI characters, but clients send
 * unencoded UTF-8.
 */
export const TARGET = 4;
/** Characters of a `reg-name` except `%`: `unreserved` and `sub-delims`, RFC 3986 3.2.2. */
export const REG_NAME = 8;
export const DIGIT = 16;

/** For each octet the set of classes above. */
export const CLASS = new Uint8Array(256);
/** For each octet its value as a hexadecimal digit, or 255. */
export const HEX = new Uint8Array(256).fill(255);

function mark(characters: string, bit: number): void {
  for (let i = 0; i < characters.length; i++) CLASS[characters.charCodeAt(i)]! |= bit;
}

const ALPHA = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
mark(`${ALPHA}${DIGITS}!#$%&'*+-.^_\`|~`, TCHAR);
mark(`${ALPHA}${DIGITS}-._~!$&'()*+,;=`, REG_NAME);
mark(DIGITS, DIGIT);
mark(' \t', VALUE);
for (let c = 0x21; c < 0x100; c++) if (c !== 0x7f) CLASS[c]! |= VALUE | TARGET;
for (let i = 0; i < 16; i++) {
  HEX['0123456789abcdef'.charCodeAt(i)] = i;
  HEX['0123456789ABCDEF'.charCodeAt(i)] = i;
}

const encoder = new TextEncoder();

/** The octets of a lower-case name, for `isName`. */
export function name(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * Whether the token at `start`, as long as `lower`, is `lower` in any case. `lower` holds small letters, digits, `-`
 * and `/` only.
 */
export function isName(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) if ((bytes[start + i]! | 0x20) !== lower[i]) return false;
  return true;
}

/** The same for a token of any length. */
export function isToken(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  return end - start === lower.length && isName(bytes, start, lower);
}

/** Whether `bytes[start..end)` is `text`, octet for octet. `text` is Latin-1. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** `bytes[start..end)` as Latin-1: each octet one character. Makes a string: too slow for every request. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i += 4096) text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4096)));
  return text;
}

/** The first octet at or after `at` that is neither SP nor HTAB; `end` when there is none. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

/** The end of `bytes[start..end)` without trailing SP and HTAB. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
  return end;
}
