/** Paths with one splat and placeholders, as `_headers` and `_redirects` write them. */
import { encodePath } from '../paths/location.js';
import { matchSegments, type Segment, starIn } from './segment-match.js';

export type Matched = Readonly<Record<string, string>>;

/**
 * `/blog/*`, `/*.js`, `/:year/:slug.html`: a star stands for anything, a placeholder for something without a slash, each
 * to the end of its segment or a dot. One star, and one placeholder a segment, so that matching takes linear time.
 */
export class PathPattern {
  readonly text: string;
  /** Matches exactly one path, which `text` is once decoded. */
  readonly literal: boolean;
  readonly names: readonly string[];
  private readonly segments: readonly Segment[];
  private readonly star: number;

  private constructor(text: string, names: readonly string[], segments: readonly Segment[]) {
    this.text = text;
    this.names = names;
    this.literal = names.length === 0;
    this.segments = segments;
    this.star = starIn(segments);
  }

  /** The pattern, or a piece of a sentence that says what is wrong with it. */
  static parse(text: string): PathPattern | string {
    if (!text.startsWith('/')) return `${text} does not begin with a slash`;
    const path = decoded(text);
    if (path === undefined) return `${text} is not percent-encoded UTF-8`;
    if (path.split('*').length > 2) return `${text} has more than one *`;
    const names: string[] = [];
    const segments: Segment[] = [];
    for (const segment of path.split('/').slice(1)) {
      const parts = segment.split(/(:[A-Za-z]\w*|\*)/);
      if (parts.filter((part) => /^:[A-Za-z]/.test(part)).length > 1)
        return `${text} has two placeholders between two slashes`;
      segments.push({
        texts: parts.filter((_, i) => i % 2 === 0),
        wild: parts.filter((_, i) => i % 2 === 1).map((part) => (part === '*' ? 'star' : 'name')),
      });
      for (const [i, part] of parts.entries()) {
        if (i % 2 === 0) continue;
        const name = part === '*' ? 'splat' : part.slice(1);
        if (names.includes(name)) return `${text} has two parts with the name ${name}`;
        names.push(name);
      }
    }
    return new PathPattern(path, names, segments);
  }

  /** What the names stand for in `path` (decoded); undefined: it does not match. */
  match(path: string): Matched | undefined {
    if (this.literal) return path === this.text ? {} : undefined;
    const found = matchSegments(this.segments, this.star, path);
    if (found === undefined) return undefined;
    return Object.fromEntries(this.names.map((name, i) => [name, found[i] ?? '']));
  }
}

/** `template` with its names replaced by what they matched, percent-encoded: nothing of a path becomes syntax. */
export function fill(template: string, matched: Matched): string {
  return template.replace(/:([A-Za-z]\w*)/g, (whole, name: string) =>
    Object.hasOwn(matched, name) ? encodePath(matched[name]!) : whole,
  );
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
