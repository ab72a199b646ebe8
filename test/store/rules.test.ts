import t from 'tap';
import { fields, identity, outcome, resource, storeOf } from './tree.js';

const site = { 'index.html': 'home', 'about.html': 'about', 'news/x.html': 'x', 'old/file.txt': 'f', '404.html': 'no' };

t.test('_redirects: one path, splat, placeholders, status, other hosts', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _redirects: [
      '# a comment',
      '/home / 301',
      '/temp /about  # the default is 302',
      '/blog/* /news/:splat 301',
      '/y/:year/:slug.html /posts/:year-:slug 308',
      '/ext/* https://example.com/x/:splat 307',
      '/q /about?a=b#c 303',
      '/with%20space /about 301',
    ].join('\n'),
  });
  t.equal(outcome(store, '/home'), '301 /');
  t.equal(outcome(store, '/home/'), '301 /');
  t.equal(outcome(store, '/temp'), '302 /about');
  t.equal(outcome(store, '/blog/x'), '301 /news/x');
  t.equal(outcome(store, '/blog/a/ü &?.html'), '301 /news/a/%C3%BC%20&%3F.html');
  t.equal(outcome(store, '/y/2024/hello.html'), '308 /posts/2024-hello');
  t.equal(outcome(store, '/y/2024/a/b.html'), '404 /404.html');
  t.equal(outcome(store, '/ext/a/b'), '307 https://example.com/x/a/b');
  t.equal(outcome(store, '/q'), '303 /about?a=b#c');
  t.equal(outcome(store, '/with space'), '301 /about');
  t.equal(outcome(store, '/_redirects'), '404 /404.html');
});

t.test('_redirects: 200 rewrites inside the site, and pages with 404 and 410', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _redirects:
      '/me /about.html 200\n/gone/* /404.html 410\n/n/:page /news/:page.html 200\n/secret /404.html 404\n/old/* /about 200',
  });
  t.equal(outcome(store, '/me'), '200 /about.html');
  t.equal(outcome(store, '/gone/a/b'), '410 /404.html');
  t.equal(outcome(store, '/n/x'), '200 /news/x.html');
  t.equal(outcome(store, '/n/none'), '404 /404.html');
  t.equal(outcome(store, '/secret'), '404 /404.html');
  t.equal(outcome(store, '/old/file.txt'), '200 /old/file.txt', 'a file stays what it is');
  t.equal(outcome(store, '/old/other'), '200 /about.html');
});

t.test(
  '_redirects: a rule with a placeholder leads to any file of the site, the first one of its bundle, too',
  async (t) => {
    const files = { 'a.html': 'a', 'b/index.html': 'b', 'c.txt': 'c', 'index.html': 'home', 'z.html': 'z' };
    const store = await storeOf(t, { ...files, _redirects: '/old/* /:splat 200' });
    for (const [asked, file] of [
      ['/old/a', '/a.html'],
      ['/old/b/', '/b/index.html'],
      ['/old/c.txt', '/c.txt'],
      ['/old/', '/index.html'],
      ['/old/z', '/z.html'],
    ] as const)
      t.equal(outcome(store, asked), `200 ${file}`);
  },
);

t.test('_redirects: the first rule wins, one for a path goes before its file, a star only when forced', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _redirects:
      '/a/x /one 301\n/a/* /two 301\n/a/y /three 301\n/about.html /elsewhere 301\n/news/* /forced 301!\n/old/* /no 301',
  });
  t.equal(outcome(store, '/a/x'), '301 /one');
  t.equal(outcome(store, '/a/y'), '301 /two');
  t.equal(outcome(store, '/about.html'), '301 /elsewhere');
  t.equal(outcome(store, '/news/x.html'), '301 /forced');
  t.equal(outcome(store, '/old/file.txt'), '200 /old/file.txt');
});

t.test('_redirects: no path leads to another host', async (t) => {
  const store = await storeOf(t, { ...site, _redirects: '/r/* /:splat 302\n/s/:x/* /:splat 302' });
  for (const path of [
    '/r//evil.com',
    '/r/\\evil.com',
    '/r///evil.com/',
    '/s/a//evil.com',
    '/r/\tevil',
    '/r/https://evil.com',
  ]) {
    const location = outcome(store, path).slice(4);
    t.match(location, /^\/(?![/\\])/, path);
    t.notMatch(location, /[\s\\]/, path);
  }
});

t.test('_redirects: another case of a path is redirected for as long as the rule says', async (t) => {
  const rules = '/Old/Page /about\n/For/Ever /about 301\n/Keep/Method /about 307\n/Gone /404.html 410';
  const store = await storeOf(t, { ...site, _redirects: rules });
  t.equal(outcome(store, '/old/page'), '302 /about');
  t.equal(outcome(store, '/for/ever'), '301 /about');
  t.equal(outcome(store, '/keep/method'), '307 /about');
  t.equal(outcome(store, '/gone'), '301 /Gone');
});

t.test(
  '_redirects: what is wrong with a line is told with file and line, and with `strict` the site is refused',
  async (t) => {
    for (const [rule, says] of [
      ['/x', /_redirects:2: \/x leads nowhere/],
      ['x /y', /_redirects:2: x does not begin with a slash/],
      ['/x /y 299', /_redirects:2: the status 299/],
      ['/a/*/b/* /y', /_redirects:2: .* more than one \*/],
      ['/x /:y', /_redirects:2: :y is not in/],
      ['/x //evil.com', /_redirects:2: .*names a host without a scheme/],
      ['/x/* https://:splat/', /_redirects:2: .*lets the path choose the host/],
      ['/x/* https://a.com:splat', /_redirects:2: .*lets the path choose the host/],
      ['/x /x 301', /_redirects:2: .*leads to itself/],
      ['/x /nowhere.html 200', /_redirects:2: \/nowhere.html is no file/],
      ['/x%zz /y', /_redirects:2: .*not percent-encoded/],
      ['/x%00 /y', /_redirects:2: .*has a NUL/],
    ] as const) {
      await t.rejects(
        storeOf(t, { ...site, _redirects: `# one\n${rule}\n` }, { strict: true }),
        { name: 'StoreError', message: says },
        rule,
      );
    }
  },
);

t.test('_redirects: a line that cannot be read and closes nothing is left out with a word', async (t) => {
  const lines = [
    ...['/gone', 'x /y', '/old /y 299', '/a/*/b/* /y', '/y /:z', '/z //evil.com', '/loop /loop 301', '/q%zz /y'],
    ...[
      '/api /.netlify/functions/api 200',
      '/api/* /.netlify/functions/all 200',
      '/secret/* /404.html 4O4',
      '/w/* /x 9',
      '/v/:x /p/:x 404',
    ],
    '/about.html /nowhere 200',
  ];
  const warnings: string[] = [];
  const rules = [...lines, '/a/* /news/:splat 301', '/ok /about'].join('\n');
  const store = await storeOf(t, { ...site, _redirects: rules }, { onWarning: (s) => warnings.push(s) });
  const places = warnings.map((sentence) => Number(/_redirects:(\d+): .*; the line is left out$/.exec(sentence)?.[1]));
  t.same(
    places.sort((a, b) => a - b),
    lines.slice(0, 13).map((_, i) => i + 1),
    'a rewrite of a file that is there is passed over anyhow',
  );
  t.equal(outcome(store, '/ok'), '302 /about');
  t.equal(outcome(store, '/a/x'), '301 /news/x');
  t.equal(outcome(store, '/about.html'), '200 /about.html');
  for (const path of ['/gone', '/old', '/y', '/z', '/loop', '/api', '/api/x', '/w/x'])
    t.equal(outcome(store, path), '404 /404.html', path);
});

t.test(
  '_redirects: a line that cannot be read and may close something refuses the site, all of them at once',
  async (t) => {
    const closing = [
      ...['/about /login 320', '/About.html /login 302x', 'about /login', '/%61bout', '/news/x /:login'],
      ...['/old/* /404.html 999!', '/old/* /404.html 404 !', '/old/*/* /404.html 404!', '/about.html /none.html 410'],
      ...['/new /none.html 404', '/old/* /none.html 200!', '/old/file.txt /old/file.txt 301'],
    ];
    for (const line of closing)
      await t.rejects(
        storeOf(t, { ...site, _redirects: `/ok /about\n${line}` }),
        { message: /_redirects:2: .*; without this line a file may be open$/ },
        line,
      );
    await t.rejects(storeOf(t, { ...site, _redirects: '/about /login 320\n/x\n/old/* /404.html 999!' }), {
      message: /^[^\n]*_redirects:1: [^\n]*\n[^\n]*_redirects:3: [^\n]*$/,
    });
  },
);

t.test('_headers: all lines that cannot be read are told of at once, and the site is refused', async (t) => {
  const _headers = [
    'X-Early: 1',
    '/*',
    '  X-Frame-Options DENY',
    '  X-Ok: 1',
    '/a*b*',
    '  X-None: 1',
    '/b',
    '  X: \u00e9',
  ];
  await t.rejects(storeOf(t, { ...site, _headers: _headers.join('\n') }), {
    message: /^\S*_headers:1: .*\n\S*_headers:3: .*\n\S*_headers:5: .*\n\S*_headers:8: .*$/,
  });
});

t.test('_redirects: what a static server has not is left out with a word', async (t) => {
  const warnings: string[] = [];
  const rules =
    '/a /b 302 Country=de\n/s id=:id /t/:id\nhttps://x.org/* /y\n/api/* https://api.org/:splat 200\n/a/../b /about\n/%2e/x /about\n/ok /about';
  const store = await storeOf(t, { ...site, _redirects: rules }, { onWarning: (s) => warnings.push(s) });
  t.equal(warnings.length, 6);
  for (const [i, w] of warnings.entries()) t.match(w, new RegExp(`_redirects:${i + 1}: `));
  t.equal(outcome(store, '/ok'), '302 /about');
});

t.test('_headers: globs, comments, several rules that match are merged', async (t) => {
  const store = await storeOf(t, {
    ...site,
    'a.js': 'x',
    _headers:
      '# c\n/*\n  X-All: 1\n  Cache-Control: public\n\n/*.js\n  X-Js: yes\n  cache-control: max-age=5\n/about.html\n  Link: </a.js>; rel=preload\n  Link: </b.js>; rel=preload',
  });
  const js = fields(identity(resource(store, '/a.js')).headOk);
  t.equal(js.get('x-all'), '1');
  t.equal(js.get('x-js'), 'yes');
  t.equal(js.get('cache-control'), 'public, max-age=5');
  const about = fields(identity(resource(store, '/about.html')).headOk);
  t.equal(about.get('link'), '</a.js>; rel=preload, </b.js>; rel=preload');
  t.equal(outcome(store, '/_headers'), '404 /404.html');
});

t.test('_headers: rules match the path asked for and the file served, on 304 and 404 too', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _headers:
      '/about\n  X-Url: 1\n/about.html\n  X-File: 1\n/*\n  X-All: 1\n/api/*\n  X-Api: 1\n/old/*\n  X-Old: :splat',
  });
  const url = identity(resource(store, '/about'));
  t.equal(fields(url.headOk).get('x-url'), '1');
  t.equal(fields(url.headOk).get('x-file'), '1');
  t.equal(fields(url.headNotModified).get('x-url'), '1');
  const file = identity(resource(store, '/about.html'));
  t.notOk(fields(file.headOk).has('x-url'));
  t.equal(fields(file.headOk).get('x-file'), '1');
  t.equal(fields(identity(resource(store, '/none')).headOk).get('x-all'), '1');
  t.notOk(fields(identity(resource(store, '/none')).headOk).has('x-api'));
  t.equal(fields(identity(resource(store, '/api/none')).headOk).get('x-api'), '1');
  t.equal(fields(identity(resource(store, '/old/a/b')).headOk).get('x-old'), 'a/b');
  t.equal(fields(identity(resource(store, '/old/file.txt')).headOk).get('x-old'), 'file.txt');
});

t.test('_headers: ! removes a field, also one that is there by default', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _headers: '/*\n  X-A: 1\n  Cache-Control: no-store\n/about.html\n  ! X-A\n  ! Referrer-Policy\n  ! cache-control',
  });
  const about = fields(identity(resource(store, '/about.html')).headOk);
  for (const name of ['x-a', 'referrer-policy', 'cache-control']) t.notOk(about.has(name), name);
  t.equal(fields(identity(resource(store, '/')).headOk).get('x-a'), '1');
});

t.test('_headers: what frames a message is the server’s, and HSTS never goes over plain HTTP', async (t) => {
  const warnings: string[] = [];
  const rules =
    '/*\n  Content-Length: 5\n  Transfer-Encoding: chunked\n  Strict-Transport-Security: max-age=1\n  X-A: 1';
  const store = await storeOf(t, { ...site, _headers: rules }, { onWarning: (s) => warnings.push(s) });
  const home = fields(identity(resource(store, '/')).headOk);
  t.equal(home.get('content-length'), '4');
  t.notOk(home.has('transfer-encoding'));
  t.notOk(home.has('strict-transport-security'));
  t.equal(home.get('x-a'), '1');
  t.equal(warnings.length, 3);
  t.match(warnings[2], /_headers:4: .*RFC 6797/);
});

t.test('_headers: an error names file and line', async (t) => {
  for (const [text, says] of [
    ['X-A: 1', /_headers:1: a field stands before/],
    ['/*\n  nonsense', /_headers:2: neither a path/],
    ['/*\n  X A: 1', /_headers:2: "X A" is not the name/],
    ['/*\n  X-A: a\u0001b', /_headers:2: the value has a control/],
    ['/*/*\n  X-A: 1', /_headers:1: .*more than one \*/],
  ] as const) {
    await t.rejects(storeOf(t, { ...site, _headers: text }), { name: 'StoreError', message: says }, text);
  }
});

t.test('_headers: Cache-Control of a path is not given to its 404, unless nothing is to be kept', async (t) => {
  const store = await storeOf(t, {
    ...site,
    _headers: '/assets/*\n  Cache-Control: public, max-age=31536000, immutable\n/private/*\n  Cache-Control: no-store',
    _redirects: '/assets/gone/* /404.html 410',
  });
  const cache = (path: string) => fields(identity(resource(store, path)).headOk).get('cache-control');
  t.equal(cache('/assets/none.js'), 'no-cache');
  t.equal(cache('/assets/gone/x'), 'no-cache');
  t.equal(cache('/private/none'), 'no-store');
});

t.test('_headers: rules that join values of a field that has one are told of', async (t) => {
  const warnings: string[] = [];
  const rules =
    '/*\n  X-Frame-Options: DENY\n  Cache-Control: max-age=60\n  Link: </a>; rel=x\n/about.html\n  X-Frame-Options: SAMEORIGIN\n  Link: </b>; rel=x\n/news/*\n  cache-control: max-age=5\n/old/*\n  ! X-Frame-Options\n  X-Frame-Options: SAMEORIGIN';
  await storeOf(t, { ...site, _headers: rules }, { onWarning: (s) => warnings.push(s) });
  t.equal(warnings.length, 2);
  t.match(warnings.join('\n'), /rules give \/about X-Frame-Options as DENY and SAMEORIGIN/);
  t.match(warnings.join('\n'), /rules give \/news\/x Cache-Control as max-age=60 and max-age=5/);
  warnings.length = 0;
  const clean =
    '/about\n  X-Frame-Options: DENY\n/about.html\n  X-Frame-Options: SAMEORIGIN\n/docs/\n  Expires: 0\n/docs/index.html\n  Expires: 1';
  const docs = { ...site, 'docs/index.html': 'docs' };
  await storeOf(t, { ...docs, _headers: clean }, { onWarning: (s) => warnings.push(s) });
  t.match(
    warnings.join('\n'),
    /rules give \/about X-Frame-Options as DENY and SAMEORIGIN/,
    'where pages are asked for',
  );
  t.match(warnings.join('\n'), /rules give \/docs\/ Expires as 0 and 1/);
});
