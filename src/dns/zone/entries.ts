/**
 * The text of a zone file as entries: tokens of one line, or of several within parentheses (RFC 1035 5.1). The text is
 * one character a
 * byte (Latin-1), so that names and strings keep their bytes.
 */
import { EntryError, type Place } from './problem.js';

export interface Token extends Place {
  /** As it was written, backslashes included, quotation marks not. */
  readonly text: string;
  readonly quoted: boolean;
}

export interface Entry extends Place {
  readonly tokens: readonly Token[];
  /** It begins with a blank: its owner is that of the entry before. */
  readonly continues: boolean;
}

/** Tokens of one entry: no record of 65,535 bytes has more. */
const MAX_TOKENS = 70_000;
const BLANK = /[ \t\r]/;
const SPECIAL = /[ \t\r\n;()"]/;

/** Calls `take` for each entry and `fail` for each line that cannot be one, in order. */
export function readEntries(text: string, take: (entry: Entry) => void, fail: (error: EntryError) => void): void {
  const reader = new EntryReader(text);
  for (;;) {
    try {
      const entry = reader.next();
      if (entry === undefined) return;
      if (entry.tokens.length > 0) take(entry);
    } catch (error) {
      if (!(error instanceof EntryError)) throw error;
      fail(error);
      reader.skipLine();
    }
  }
}

class EntryReader {
  private at = 0;
  private line = 1;
  private lineStart = 0;

  constructor(private readonly text: string) {}

  private get place(): Place {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  skipLine(): void {
    while (this.at < this.text.length && this.text[this.at] !== '\n') this.at += 1;
    this.newline();
  }

  private newline(): void {
    if (this.at >= this.text.length) return;
    this.at += 1;
    this.line += 1;
    this.lineStart = this.at;
  }

  next(): Entry | undefined {
    const { text } = this;
    if (this.at >= text.length) return undefined;
    const begin = this.place;
    const continues = /[ \t]/.test(text[this.at]);
    const tokens: Token[] = [];
    let open: Place | undefined;
    while (this.at < text.length) {
      const char = text[this.at];
      if (char === '\n') {
        this.newline();
        if (open === undefined) return { ...begin, tokens, continues };
      } else if (char === ';') {
        while (this.at < text.length && text[this.at] !== '\n') this.at += 1;
      } else if (char === '(') {
        if (open !== undefined) throw new EntryError('a parenthesis within another; close the first', this.place);
        open = this.place;
        this.at += 1;
      } else if (char === ')') {
        if (open === undefined)
          throw new EntryError('")" without "(" before it; write "\\)" for the character', this.place);
        open = undefined;
        this.at += 1;
      } else if (BLANK.test(char)) {
        this.at += 1;
      } else {
        if (tokens.length === MAX_TOKENS) throw new EntryError(`an entry of more than ${MAX_TOKENS} words`, begin);
        tokens.push(char === '"' ? this.quoted() : this.word());
      }
    }
    if (open !== undefined) throw new EntryError('"(" is not closed before the end of the file; write ")"', open);
    return { ...begin, tokens, continues };
  }

  private word(): Token {
    const { text, place } = this;
    const start = this.at;
    while (this.at < text.length && !SPECIAL.test(text[this.at])) {
      this.at += text[this.at] === '\\' && this.at + 1 < text.length && text[this.at + 1] !== '\n' ? 2 : 1;
      // key="value" is one word (RFC 9460 2.1).
      if (text[this.at] === '"' && text[this.at - 1] === '=') this.closingQuote();
    }
    return { ...place, text: text.slice(start, this.at), quoted: false };
  }

  private quoted(): Token {
    const { place } = this;
    const start = this.at + 1;
    this.closingQuote();
    return { ...place, text: this.text.slice(start, this.at - 1), quoted: true };
  }

  /** From an opening quotation mark to behind the closing one. */
  private closingQuote(): void {
    const { text, place } = this;
    this.at += 1;
    while (this.at < text.length && text[this.at] !== '"') {
      if (text[this.at] === '\n') throw new EntryError('the quotation mark is not closed on its line; write "', place);
      this.at += text[this.at] === '\\' && text[this.at + 1] !== '\n' ? 2 : 1;
    }
    if (this.at >= text.length) throw new EntryError('the quotation mark is not closed; write "', place);
    this.at += 1;
  }
}
