/** The files of rules (`_headers`, `_redirects`) line by line. */
import { StoreError } from '../store-error.js';

export interface RuleLine {
  /** `_redirects:12` */
  readonly place: string;
  /** The line unchanged. */
  readonly raw: string;
  /** Without the spaces around it. */
  readonly line: string;
}

/**
 * Lines with content: neither blank nor a comment. Throws a StoreError at one that is longer than `longest` characters.
 */
export function* ruleLines(text: string, file: string, longest: number): Iterable<RuleLine> {
  for (const [i, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const place = `${file}:${i + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.length > longest) throw new StoreError(`${place}: the line is longer than ${longest} characters`);
    yield { place, raw, line };
  }
}
