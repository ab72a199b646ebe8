import fc from 'fast-check';
import t from 'tap';
import { fill, PathPattern, SplitPath } from '../../src/store/rules/path-pattern.js';
import { PatternIndex } from '../../src/store/rules/pattern-index.js';
import { outcome, storeOf } from './tree.js';

function pattern(text: string): PathPattern {
  const parsed = PathPattern.parse(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

/** The same by backtracking: what a pattern means, and slow. */
function expressionOf(text: string): RegExp {
  const source = text
    .split('/')
    .slice(1)
    .map((segment) =>
      segment
        .split(/(^:[A-Za-z]\w*|\*)/)
        .map((part) =>
          part === '*'
            ? '([\\s\\S]*)'
            : /^:[A-Za-z]/.test(part)
              ? '([^/]+)'
              : decodeURIComponent(part.replaceAll('%2F', '%00')).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
        )
        .join(''),
    )
    .join('/');
  return new RegExp(
    source.endsWith('/([\\s\\S]*)') && source !== '([\\s\\S]*)'
      ? `^/${source.slice(0, -'/([\\s\\S]*)'.length)}(?:/([\\s\\S]*))?$`
      : `^/${source}$`,
  );
}

t.test('a pattern matches what its expression matches, and its parts stand for the same', (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.comment(`seed ${seed}`);
  const piece = fc.constantFrom('a', 'b', 'ab', '.', '%2A', '%3A', '%2F', ':x');
  const segment = fc.array(piece, { maxLength: 3 }).map((parts) => parts.join(''));
  const named = fc
    .tuple(fc.constantFrom('', ':p', ':q', ':r'), segment)
    .map(([name, rest]) => name + rest.replaceAll(':x', ''));
  const patterns = fc
    .tuple(fc.array(named, { maxLength: 3 }), fc.option(fc.tuple(named, segment)), fc.array(named, { maxLength: 2 }))
    .map(
      ([before, star, after]) =>
        `/${[...before, ...(star ? [`${star[0]}*${star[1].replaceAll(':x', '')}`] : []), ...after].join('/')}`,
    );
  const paths = fc
    .array(fc.constantFrom('a', 'b', '/', '\0', '.', '*', ':', 'ab', '/a'), { maxLength: 10 })
    .map((parts) => `/${parts.join('')}`);
  fc.assert(
    fc.property(patterns, paths, (text, path) => {
      const parsed = PathPattern.parse(text);
      if (typeof parsed === 'string') return;
      const expected = expressionOf(text).exec(path);
      const values = expected === null ? undefined : parsed.names.map((_, i) => expected[i + 1] ?? '');
      const found = parsed.match(path);
      t.same(found && parsed.names.map((name) => found[name]), values, `${text} ${path}`);
      const index = new PatternIndex([pattern('/a/*'), parsed, pattern('/none')]);
      if (index !== undefined && [...index.matching(new SplitPath(path))].includes(1) !== (values !== undefined))
        t.fail(`${text} ${path}: the index says otherwise`);
    }),
    { numRuns: 3000, seed },
  );
  t.end();
});

t.test(
  'syntax is what stands there as it is: encoded stars, colons and slashes, and colons within a segment, are data',
  async (t) => {
    const store = await storeOf(t, {
      'index.html': 'home',
      'page.html': 'page',
      'new/x.html': 'x',
      _redirects: [
        '/random /wiki/Special:Random 301',
        '/wiki/Talk%3AMain /page 301',
        '/wiki/Help:Main /page 301',
        '/a%2Ab /page 301',
        '/p/%3Aid /page 301',
        '/late/%2A/* /page?at=12:30&:splat 301',
        '/enc/:x/%3Ay /:x 301',
        // Of a request, too, an encoded slash is no separator: it comes as NUL.
        '/slash%2Fa /page 301',
        '/slash/%2f/* /page?at=:splat 301',
      ].join('\n'),
      _headers: '/wiki/Talk%3AMain\n  X-Talk: 1\n/new/%2A\n  X-Star: 1',
    });
    const expected: Readonly<Record<string, string>> = {
      '/random': '301 /wiki/Special:Random',
      '/wiki/Talk:Main': '301 /page',
      '/wiki/Talkative': '404',
      '/wiki/Help:Main': '301 /page',
      '/wiki/Helpful': '404',
      '/a*b': '301 /page',
      '/a/other/b': '404',
      '/p/:id': '301 /page',
      '/p/7': '404',
      '/late/*/x': '301 /page?at=12:30&x',
      '/late/y/x': '404',
      '/enc/z/:y': '301 /z',
      '/enc/z/w': '404',
      '/slash\0a': '301 /page',
      '/slash/a': '404',
      '/slash/\0/b': '301 /page?at=b',
      '/slash///b': '404',
    };
    for (const [path, is] of Object.entries(expected)) t.equal(outcome(store, path), is, path);
  },
);

t.test('what a part of a path stands for stays data in a query', (t) => {
  t.equal(fill('/search?q=:splat&l=en', { splat: 'a&b=c+d/e ü' }), '/search?q=a%26b%3Dc%2Bd/e%20%C3%BC&l=en');
  t.equal(fill('/x/:splat#:splat', { splat: 'a&b?' }), '/x/a&b%3F#a%26b%3F');
  t.end();
});

t.test('all of a directory is the directory, too, and no redirect leads to itself', async (t) => {
  const store = await storeOf(t, {
    'index.html': 'home',
    'docs/index.html': 'docs',
    _redirects: [
      '/blog/* /news/:splat 301',
      '/own/* /own 301',
      '/slash/* /slash/ 301',
      '/query/* /query/:splat?x=1 301',
      '/twin /twin/ 301',
      '/docs/* /docs/index.html/:splat 301',
      '/forced/* /docs/ 301!',
      '/a/* /a/:splat 301',
      '/a/* /b/:splat 301',
    ].join('\n'),
    _headers: '/blog/*\n  X-Blog: 1',
  });
  const expected: Readonly<Record<string, string>> = {
    '/blog': '301 /news/',
    '/blog/x': '301 /news/x',
    '/blogs': '404',
    '/own': '404',
    '/own/x': '301 /own',
    '/slash': '301 /slash/',
    '/slash/': '404',
    '/query/x': '404',
    '/twin': '301 /twin/',
    '/twin/': '404',
    '/docs/': '200 /docs/index.html',
    '/a/x': '301 /b/x',
  };
  for (const [path, is] of Object.entries(expected)) t.equal(outcome(store, path), is, path);
});

/** How often a pattern is matched against a path while `work` is done. */
async function matches(work: () => unknown): Promise<number> {
  const { match } = PathPattern.prototype;
  let count = 0;
  PathPattern.prototype.match = function (path) {
    count++;
    return match.call(this, path);
  };
  try {
    await work();
  } finally {
    PathPattern.prototype.match = match;
  }
  return count;
}

t.test('reading rules takes steps in proportion to them', async (t) => {
  const site = (rules: number) => ({
    'index.html': 'home',
    'old/file.html': 'x',
    _redirects: [
      '/old/* /new/:splat 301!',
      ...Array.from({ length: rules }, (_, i) => `/old/article-${i} /new/${i} 301`),
      ...Array.from({ length: rules }, (_, i) => `/past/${i}/ /new/${i} 301`),
      ...Array.from({ length: 900 }, (_, i) => `/dynamic-${i}/* /new/:splat 301`),
    ].join('\n'),
  });
  const few = await matches(() => storeOf(t, site(500)));
  const many = await matches(() => storeOf(t, site(5000)));
  t.ok(many <= few * 12, `${few} matches for 500 rules, ${many} for ten times as many`);
  t.ok(many < 5000 * 6, `${many}`);
});

t.test('a request is matched against the rules that it may fit alone', async (t) => {
  const store = await storeOf(t, {
    'index.html': 'home',
    _redirects: Array.from({ length: 900 }, (_, i) => `/dynamic-${i}/:a/* /new/:splat 301`).join('\n'),
    _headers: Array.from({ length: 900 }, (_, i) => `/dynamic-${i}/*\n  X-A: :splat`).join('\n'),
  });
  t.equal(outcome(store, '/dynamic-7/a/b'), '301 /new/b');
  t.ok((await matches(() => outcome(store, '/dynamic-8/a/b'))) < 12);
  t.ok((await matches(() => outcome(store, '/none/a/b'))) < 4);
});
