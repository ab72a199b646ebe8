import fc from 'fast-check';
import t from 'tap';
import { PathPattern } from '../../src/store/rules/path-pattern.js';
import { lastOf } from '../../src/store/rules/segment-match.js';

/** What a backtracking regular expression makes of the pattern: slow on hostile paths, and right. */
function expressionOf(pattern: string): { source: RegExp; names: string[] } {
  const names: string[] = [];
  const source = pattern.replace(/:([A-Za-z]\w*)|\*|[^\w]/g, (one, name?: string) => {
    if (one !== '*' && name === undefined) return `\\${one}`;
    names.push(name ?? 'splat');
    return name === undefined ? '([\\s\\S]*)' : '([^/]+)';
  });
  return { source: new RegExp(`^${source}$`), names };
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 4 });
/** Segments with a placeholder at most, one of which has a star somewhere in it. */
const pattern = fc
  .tuple(fc.array(fc.tuple(text, fc.boolean(), text), { minLength: 1, maxLength: 4 }), fc.nat(5), fc.nat(8))
  .map(([segments, star, place]) =>
    segments
      .map(([before, name, after], i) => {
        const whole = name ? `${before}:n${i}.${after}` : before;
        if (i !== star) return `/${whole}`;
        // Never inside of a name.
        const places = [0, before.length, whole.length, Math.max(0, whole.length - after.length)];
        const at = places[place % places.length]!;
        return `/${whole.slice(0, at)}*${whole.slice(at)}`;
      })
      .join(''),
  );
const path = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 6 }), { minLength: 1, maxLength: 6 })
  .map((segments) => segments.map((one) => `/${one}`).join(''));

t.test('a pattern matches what a backtracking expression of it matches, with the same parts', async (t) => {
  let matches = 0;
  fc.assert(
    fc.property(pattern, path, (from, asked) => {
      const parsed = PathPattern.parse(from);
      if (typeof parsed === 'string') throw new Error(parsed);
      const { source, names } = expressionOf(from);
      const found = source.exec(asked);
      const got = parsed.match(asked);
      const want = found === null ? undefined : Object.fromEntries(names.map((name, i) => [name, found[i + 1]]));
      if (want !== undefined) matches++;
      if (JSON.stringify(got) !== JSON.stringify(want))
        throw new Error(`${from} on ${asked}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
    }),
    { numRuns: 20_000 },
  );
  t.ok(matches > 20, `${matches} of them matched`);
});

t.test('two wildcards between two slashes: the first takes as much as it can', async (t) => {
  const match = (from: string, asked: string): unknown => (PathPattern.parse(from) as PathPattern).match(asked);
  t.same(match('/*-:id.html', '/a-b-c.html'), { splat: 'a-b', id: 'c' });
  t.same(match('/*:a.html', '/xyz.html'), { splat: 'xy', a: 'z' });
  t.same(match('/:a-*', '/x-y-z/w-v'), { a: 'x-y', splat: 'z/w-v' });
  t.same(match('/:a*', '/xy/z'), { a: 'xy', splat: '/z' });
  t.same(match('/*-:id', '/a-b/c'), undefined);
  t.same(match('/*', '/'), { splat: '' });
});

t.test(
  'looking for the text between two wildcards reads each character of the path a bounded number of times',
  async (t) => {
    for (const [text, unit] of [
      ['-', '-'],
      ['aaaaaaab', 'a'],
      ['abababac', 'ab'],
    ] as const) {
      const path = [...unit.repeat(4000)];
      let reads = 0;
      const counted = new Proxy(path, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
          return Reflect.get(target, key, target);
        },
      });
      t.equal(lastOf(counted, text, 0, path.length), path.join('').lastIndexOf(text));
      t.ok(reads >= path.length && reads <= path.length * 4, `${text}: ${reads} reads of ${path.length} characters`);
    }
  },
);
