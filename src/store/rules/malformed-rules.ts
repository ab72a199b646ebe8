/** What becomes of lines of `_redirects` that cannot be read, or that lead to a page that is not there. */
import { StoreError } from '../store-error.js';
import { decoded } from './path-pattern.js';

/** A rule as it is written: from, to, status and what follows. */
export type Words = readonly string[];

/**
 * A line that closes nothing is left out with a warning, as Netlify and Cloudflare Pages leave out each one. One that
 * goes before a file, or would if it were read otherwise, may be there to close it: the site is refused, with all such
 * lines in one message.
 */
export class MalformedRules {
  private readonly refused: string[] = [];
  private paths: ReadonlySet<string> | undefined = undefined;

  /** `files`: the paths of the site's files. `strict`: each line is refused. */
  constructor(
    private readonly files: () => Iterable<string>,
    private readonly warn: (sentence: string) => void,
    private readonly strict = false,
  ) {}

  /** `wrong`: what is wrong with the line at `place`. */
  line(place: string, wrong: string, words: Words): void {
    if (this.strict) this.refused.push(`${place}: ${wrong}`);
    else if (this.mayClose(words)) this.refused.push(`${place}: ${wrong}; without this line a file may be open`);
    else this.warn(`${place}: ${wrong}; the line is left out`);
  }

  /** Throws a StoreError that names each line for which the site is refused. */
  finish(): void {
    if (this.refused.length > 0) throw new StoreError(this.refused.join('\n'));
  }

  private mayClose(words: Words): boolean {
    const [source, ...rest] = words;
    if (source === undefined) return false;
    if (words.some((word) => word.endsWith('!'))) return true;
    // Without force a star, a placeholder and a rewrite leave files alone.
    if (/\*|\/:[A-Za-z]/.test(source) || rest[1] === '200') return false;
    if (rest.some((word) => /^4\d\d/.test(word))) return true;
    this.paths ??= new Set(Array.from(this.files(), nameOf));
    return this.paths.has(nameOf(decoded(source) ?? source));
  }
}

/** The same for every path at which a page is asked for. */
function nameOf(path: string): string {
  const name = path.toLowerCase().replace(/(?:^|\/)index\.html?$|\.html?$/, '');
  return name.replace(/^\/+|\/+$/g, '');
}
