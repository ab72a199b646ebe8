/** Paths with one splat and placeholders, as `_headers` and `_redirects` write them. */
import { encodePath, encodeQuery } from '../paths/location.js';

export type Matched = Readonly<Record<string, string>>;

/** A path, decoded, and where its segments begin: behind each slash. Split once, matched against many patterns. */
export class SplitPath {
  readonly starts: readonly number[];

  constructor(readonly text: string) {
    const starts: number[] = [];
    for (let at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1)) starts.push(at + 1);
    this.starts = starts;
  }

  /** Where the segment ends: before the next slash, or with the path. */
  end(segment: number): number {
    const next = this.starts[segment + 1];
    return next === undefined ? this.text.length : next - 1;
  }
}

/** Between two slashes: a placeholder or nothing, then text. */
interface Segment {
  readonly name: string | undefined;
  readonly text: string;
}

/** The segment with the star: what stands before it, and the text behind it. */
interface Splat {
  readonly head: Segment;
  readonly tail: string;
}

/**
 * `/blog/*`, `/*.js`, `/:year/:slug.html`: a star stands for anything, a placeholder for the beginning of a segment,
 * without a slash. A
 * pattern that ends with a slash and a star matches without both, too: `/blog/*` is all of the blog. There is one
 * star, and one placeholder
 * a segment, so that every part of a path can belong to one part of the pattern only: matching takes linear time.
 */
export class PathPattern {
  /** As it was written, percent-encoded. */
  readonly source: string;
  /** Decoded; an encoded slash is NUL. */
  readonly text: string;
  /** Matches exactly one path, which `text` is. */
  readonly literal: boolean;
  readonly names: readonly string[];
  /** Segments before the star, and behind it. */
  private readonly before: readonly Segment[];
  private readonly splat: Splat | undefined;
  private readonly after: readonly Segment[];

  private constructor(source: string, text: string, names: readonly string[], parts: readonly (Segment | Splat)[]) {
    this.source = source;
    this.text = text;
    this.names = names;
    this.literal = names.length === 0;
    const star = parts.findIndex((part) => 'head' in part);
    this.before = (star < 0 ? parts : parts.slice(0, star)) as readonly Segment[];
    this.splat = star < 0 ? undefined : (parts[star] as Splat);
    this.after = (star < 0 ? [] : parts.slice(star + 1)) as readonly Segment[];
  }

  /**
   * The pattern, or a piece of a message that says what is wrong with it. Unencoded stars and colons are syntax;
   * encoded ones are data (RFC 3986 2.2), and so is a colon within a segment. An encoded slash is no separator.
   */
  static parse(source: string): PathPattern | string {
    if (!source.startsWith('/')) return `${source} does not begin with a slash`;
    const text = decoded(source);
    if (text === undefined) return `${source} is not percent-encoded UTF-8`;
    if (/%00/.test(source)) return `${source} has a NUL, which no path has`;
    if (source.split('*').length > 2) return `${source} has more than one *`;
    const names: string[] = [];
    const parts: (Segment | Splat)[] = [];
    for (const segment of source.slice(1).split('/')) {
      const name = /^:([A-Za-z]\w*)/.exec(segment)?.[1];
      const rest = name === undefined ? segment : segment.slice(name.length + 1);
      if (name !== undefined && /:[A-Za-z]/.test(rest)) return `${source} has two placeholders between two slashes`;
      const [head = '', tail] = rest.split('*').map((piece) => decoded(piece)!);
      for (const one of [name, tail === undefined ? undefined : 'splat']) {
        if (one === undefined) continue;
        if (names.includes(one)) return `${source} has two parts with the name ${one}`;
        names.push(one);
      }
      parts.push(tail === undefined ? { name, text: head } : { head: { name, text: head }, tail });
    }
    return new PathPattern(source, text, names, parts);
  }

  /** The segments at the beginning of every matching path. */
  get prefix(): string[] {
    const wild = this.before.findIndex(({ name }) => name !== undefined);
    return (wild < 0 ? this.before : this.before.slice(0, wild)).map(({ text }) => text);
  }

  /** The values of the names in `path` (decoded); undefined: it does not match. */
  match(path: string | SplitPath): Matched | undefined {
    if (this.literal) return (typeof path === 'string' ? path : path.text) === this.text ? {} : undefined;
    const split = typeof path === 'string' ? new SplitPath(path) : path;
    const found: Record<string, string> = {};
    const { before, after, splat } = this;
    const { length } = split.starts;
    if (!matchAll(before, split, 0, found)) return undefined;
    if (splat === undefined) return length === before.length ? found : undefined;
    if (this.matchesBare(split)) return { ...found, splat: '' };
    const rest = length - after.length;
    if (rest <= before.length || !matchAll(after, split, rest, found)) return undefined;
    return matchSplat(splat, split, before.length, rest - 1, found) ? found : undefined;
  }

  /** Whether the path equals the pattern before its last slash, and only a star follows that slash. */
  private matchesBare({ starts }: SplitPath): boolean {
    const { before, after, splat } = this;
    const { head, tail } = splat!;
    const alone = head.name === undefined && head.text === '' && tail === '' && after.length === 0;
    return alone && before.length > 0 && starts.length === before.length;
  }
}

/** Whether the segments of `path` from `first` on match; records the values of their placeholders. */
function matchAll(
  segments: readonly Segment[],
  path: SplitPath,
  first: number,
  found: Record<string, string>,
): boolean {
  if (path.starts.length < first + segments.length) return false;
  return segments.every(({ name, text }, i) => {
    const start = path.starts[first + i]!;
    const end = path.end(first + i);
    const long = end - start - text.length;
    if (name === undefined ? long !== 0 : long < 1) return false;
    if (!path.text.startsWith(text, end - text.length)) return false;
    if (name !== undefined) found[name] = path.text.slice(start, end - text.length);
    return true;
  });
}

/** Segments `first` to `last` of `path` are matched by the star's own segment. */
function matchSplat(
  { head, tail }: Splat,
  path: SplitPath,
  first: number,
  last: number,
  found: Record<string, string>,
): boolean {
  const { text } = path;
  const start = path.starts[first]!;
  const end = path.end(last) - tail.length;
  if (end < start || !text.startsWith(tail, end)) return false;
  let from = start;
  if (head.name !== undefined) {
    // The longest match in its segment that leaves the following text before the tail.
    const most = Math.min(path.end(first), end) - head.text.length;
    from = most <= start ? -1 : text.slice(start, most + head.text.length).lastIndexOf(head.text) + start;
    if (from <= start) return false;
    found[head.name] = text.slice(start, from);
  } else if (!text.startsWith(head.text, start)) return false;
  if (from + head.text.length > end) return false;
  found['splat'] = text.slice(from + head.text.length, end);
  return true;
}

/**
 * `template` with its names replaced by the matched text, percent-encoded: no character of it becomes syntax of a path
 * or, behind a question mark, of a query.
 */
export function fill(template: string, matched: Matched): string {
  const query = template.search(/[?#]/);
  return template.replace(/:([A-Za-z]\w*)/g, (whole, name: string, at: number) => {
    if (!Object.hasOwn(matched, name)) return whole;
    return query >= 0 && at > query ? encodeQuery(matched[name]!) : encodePath(matched[name]!);
  });
}

/** An encoded slash is NUL, as in the path of a request. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replace(/%2f/gi, '\0'));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}
