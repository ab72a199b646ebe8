/**
 * Matches a path against segments with wildcards, in time linear in both. At most one star is in a pattern, and at most one placeholder in a
 * segment: so each segment is anchored at both ends, but for the one with the star, which may hold one placeholder beside it.
 */

/** What lies between two slashes of a pattern: texts, and the wildcards between them. `texts` has one more than `wild`. */
export interface Segment {
  readonly texts: readonly string[];
  readonly wild: readonly ('star' | 'name')[];
}

/** Which segment has the star; -1: none. */
export function starIn(segments: readonly Segment[]): number {
  return segments.findIndex((segment) => segment.wild.includes('star'));
}

/** What the wildcards stand for, in their order; undefined: it does not match. `star`: which segment has it. */
export function matchSegments(segments: readonly Segment[], star: number, path: string): readonly string[] | undefined {
  const found: string[] = [];
  const last = star < 0 ? segments.length : star;
  let from = 0;
  for (let i = 0; i < last; i++) {
    if (path[from] !== '/') return undefined;
    const end = slashAfter(path, from + 1);
    if (!matchPlain(segments[i]!, path, from + 1, end, found)) return undefined;
    from = end;
  }
  if (star < 0) return from === path.length ? found : undefined;
  if (path[from] !== '/') return undefined;
  // Behind the star's segment each one is anchored at the path's end.
  let to = path.length;
  const tails: string[][] = [];
  for (let i = segments.length - 1; i > star; i--) {
    const slash = path.lastIndexOf('/', to - 1);
    const tail: string[] = [];
    if (slash <= from || !matchPlain(segments[i]!, path, slash + 1, to, tail)) return undefined;
    tails.push(tail);
    to = slash;
  }
  if (!matchStar(segments[star]!, path.slice(from + 1, to), found)) return undefined;
  for (const tail of tails.reverse()) found.push(...tail);
  return found;
}

function slashAfter(path: string, from: number): number {
  const slash = path.indexOf('/', from);
  return slash < 0 ? path.length : slash;
}

/** A segment without a star, against `path[start..end)`, which has no slash. */
function matchPlain({ texts, wild }: Segment, path: string, start: number, end: number, found: string[]): boolean {
  const [before = '', after = ''] = texts;
  if (wild.length === 0) return end - start === before.length && path.startsWith(before, start);
  if (end - start <= before.length + after.length) return false;
  if (!path.startsWith(before, start) || !path.startsWith(after, end - after.length)) return false;
  found.push(path.slice(start + before.length, end - after.length));
  return true;
}

/** The segment with the star, against all that is left for it. */
function matchStar({ texts, wild }: Segment, rest: string, found: string[]): boolean {
  const first = texts[0]!;
  const last = texts[texts.length - 1]!;
  if (rest.length < first.length + last.length || !rest.startsWith(first) || !rest.endsWith(last)) return false;
  const body = rest.slice(first.length, rest.length - last.length);
  if (wild.length === 1) {
    found.push(body);
    return true;
  }
  const middle = texts[1]!;
  if (wild[0] === 'star') {
    // The star takes as much as it can; the placeholder has what is left, one character at least and no slash.
    const at = lastOf(body, middle, 0, body.length - 1);
    const name = at < 0 ? '' : body.slice(at + middle.length);
    if (at < 0 || name.includes('/')) return false;
    found.push(body.slice(0, at), name);
    return true;
  }
  // The placeholder takes as much as it can up to the first slash.
  const at = lastOf(body, middle, 1, slashAfter(body, 0));
  if (at < 0) return false;
  found.push(body.slice(0, at), body.slice(at + middle.length));
  return true;
}

/**
 * Where `text` is found last so that it lies in `body[start..end)`; -1: nowhere. By the failure function of Knuth, Morris and Pratt: `text` is
 * the site's, `body` a stranger's, and neither makes it slow.
 */
export function lastOf(body: ArrayLike<string>, text: string, start: number, end: number): number {
  if (text === '') return end >= start ? end : -1;
  const failure = failureOf(text);
  let last = -1;
  let matched = 0;
  for (let i = start; i < end; i++) {
    while (matched > 0 && (matched === text.length || body[i] !== text[matched])) matched = failure[matched - 1]!;
    if (body[i] === text[matched]) matched++;
    if (matched === text.length) last = i + 1 - matched;
  }
  return last;
}

/** For each beginning of `text`, how long the longest beginning is that is also its end. */
function failureOf(text: string): Uint16Array {
  const failure = new Uint16Array(text.length);
  let matched = 0;
  for (let i = 1; i < text.length; i++) {
    while (matched > 0 && text[i] !== text[matched]) matched = failure[matched - 1]!;
    if (text[i] === text[matched]) matched++;
    failure[i] = matched;
  }
  return failure;
}
