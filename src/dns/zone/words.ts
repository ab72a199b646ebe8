/** The words of one record's data, read one after the other by what they must be. */
import { escapeAt, type Name, NameError, parseName } from '../wire/name.js';
import type { Token } from './entries.js';
import { EntryError, type Place } from './problem.js';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** RFC 2181 8. */
const MAX_TTL = 2 ** 31 - 1;

export class Words {
  private at = 0;

  /** `end`: the place behind the last word, for what is missing. */
  constructor(
    private readonly tokens: readonly Token[],
    readonly origin: Name | undefined,
    private readonly end: Place,
  ) {}

  get left(): number {
    return this.tokens.length - this.at;
  }

  /** The next word, which stays. */
  get peek(): Token | undefined {
    return this.tokens[this.at];
  }

  take(what: string): Token {
    const token = this.tokens[this.at];
    if (token === undefined) throw new EntryError(`${what} is missing at the end of the record`, this.end);
    this.at += 1;
    return token;
  }

  /** Throws when a word is left. */
  finish(): void {
    const extra = this.peek;
    if (extra === undefined) return;
    const advice = extra.text.includes(';') ? '' : '; put strings with blanks in quotation marks, comments behind ";"';
    throw new EntryError(`"${extra.text}" is more than this type takes${advice}`, extra);
  }

  integer(what: string, max: number): number {
    const token = this.take(what);
    const value = /^\d{1,10}$/.test(token.text) ? Number(token.text) : -1;
    if (value < 0 || value > max)
      throw new EntryError(`${what} is a number of 0 to ${max}, not "${token.text}"`, token);
    return value;
  }

  /** Seconds: a number, or numbers with units such as 1h30m. */
  seconds(what: string): number {
    const token = this.take(what);
    const value = secondsOf(token.text);
    if (value !== undefined) return value;
    throw new EntryError(`${what} is seconds of 0 to ${MAX_TTL}, or such as 1h30m; not "${token.text}"`, token);
  }

  name(what: string): Name {
    return nameOfToken(this.take(what), this.origin);
  }

  /** The bytes of a character string (RFC 1035 5.1): at most `max`. */
  string(what: string, max = 255): Uint8Array {
    const token = this.take(what);
    const bytes = bytesOfString(token);
    if (bytes.length > max) {
      const advice = max === 255 ? '; cut it into several strings, which readers put together' : '';
      throw new EntryError(`${what} has ${bytes.length} bytes; ${max} are the most${advice}`, token);
    }
    return bytes;
  }

  /** Every word that is left, joined, as hexadecimal digits. */
  hex(what: string): Uint8Array {
    const first = this.take(what);
    const text = first.text + this.rest();
    if (!/^([0-9a-fA-F]{2})+$/.test(text))
      throw new EntryError(`${what} is an even number of hexadecimal digits`, first);
    return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16));
  }

  /** Every word that is left, joined, as base64 (RFC 4648 4). */
  base64(what: string): Uint8Array {
    const first = this.take(what);
    const text = first.text + this.rest();
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
      throw new EntryError(`${what} is not base64`, first);
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  }

  private rest(): string {
    let text = '';
    while (this.at < this.tokens.length) {
      text += this.tokens[this.at].text;
      this.at += 1;
    }
    return text;
  }
}

/** Seconds of `3600` or `1h30m`; undefined: neither, or too much. */
export function secondsOf(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text) <= MAX_TTL ? Number(text) : undefined;
  if (!/^(\d{1,10}[smhdwSMHDW])+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([a-zA-Z])/g)) sum += Number(count) * UNITS[unit!.toLowerCase()];
  return sum <= MAX_TTL ? sum : undefined;
}

export function nameOfToken(token: Token, origin: Name | undefined): Name {
  if (token.quoted) throw new EntryError('a name stands without quotation marks', token);
  try {
    return parseName(token.text, origin);
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw new EntryError(`"${token.text}": ${error.message}`, { line: token.line, column: token.column + error.at });
  }
}

/** The bytes of a string, escapes undone. */
export function bytesOfString(token: Token): Uint8Array {
  const { text } = token;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; ) {
    if (text[i] !== '\\') {
      bytes.push(text.charCodeAt(i));
      i += 1;
      continue;
    }
    try {
      const { byte, length } = escapeAt(text, i);
      bytes.push(byte);
      i += length;
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      throw new EntryError(error.message, { line: token.line, column: token.column + error.at });
    }
  }
  return Uint8Array.from(bytes);
}
