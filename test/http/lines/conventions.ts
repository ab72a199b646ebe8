import { HandMadeStore } from '../hand-made-store.js';
import { ask, body, both, get, has, type Line, of } from './line.js';

const TWO = new HandMadeStore({ '/index.html': { type: 'text/html; charset=utf-8', content: 'two' } });

export const CONVENTIONS: readonly Line[] = [
  {
    id: 'index',
    text: 'index.html, /about for about.html, redirects to the slash, pretty permalinks',
    cases: [
      of('index', get('/docs/'), 200, body(/Docs/)),
      of('index by name', get('/docs/index.html'), 200, body(/Docs/)),
      of('clean', get('/about'), 200, body(/About/)),
      of('with its extension', get('/about.html'), 200, body(/About/)),
      of('to the slash, with the query', get('/docs?x=%20&y'), 301, has({ location: '/docs/?x=%20&y' })),
      of('a query cannot break out of the field', get('/docs?"<x>'), 301, has({ location: '/docs/?%22%3Cx%3E' })),
      of(
        'what no URI holds is encoded in the query',
        get('/docs?{a}|^`\\'),
        301,
        has({ location: '/docs/?%7Ba%7D%7C%5E%60%5C' }),
      ),
      of('a slash too many', get('/about/'), 301, has({ location: '/about' })),
      of('/index', get('/docs/index'), 301, has({ location: '/docs/' })),
      of('permalink', get('/blog/2024/03/first-post/'), 200, body(/First post/)),
      of(
        'permalink without its slash',
        get('/blog/2024/03/first-post'),
        301,
        has({ location: '/blog/2024/03/first-post/' }),
      ),
    ],
  },
  {
    id: 'not-found',
    text: 'The nearest 404.html',
    cases: [
      of('root', get('/nothing/at/all'), 404, body(/Nothing here/)),
      of(
        'nested',
        get('/docs/nothing/at/all'),
        404,
        both(body(/No such document/), has({ 'x-document': 'nothing/at/all', 'x-everywhere': 'yes' })),
      ),
      of('HEAD', ask('HEAD', '/nothing') + get('/about'), '404 200'),
      of('the page itself', get('/404.html'), 200),
    ],
  },
  {
    id: 'spa',
    text: '--spa: every path of a page is the home page; what is missing of other things stays missing',
    site: { spa: true },
    cases: [
      of('a page', get('/app/deep/link'), 200, body(/Home/)),
      of('a picture', get('/app/missing.png'), 404),
      of('a file', get('/about'), 200, body(/About/)),
    ],
  },
  {
    id: 'listing',
    text: '--listing: a directory without a page is listed; off by default',
    site: { listing: true },
    cases: [
      of('a directory', get('/files/'), 200, body(/href="\.\/a\.txt"/)),
      of('to its slash', get('/files'), 301, has({ location: '/files/' })),
    ],
    also: [['test/store/listing.test.ts', '']],
  },
  {
    id: 'no-listing',
    text: 'Without the option there is no list; .well-known is served, other hidden names are not; case is kept',
    cases: [
      of('no list', get('/files/'), 404),
      of('.well-known', get('/.well-known/security.txt'), 200, body(/Contact/)),
      of('rules are no files', get('/_headers') + get('/_redirects'), '404 404'),
      of('a wrong case is redirected to the one that fits', get('/docs/guide'), 301, has({ location: '/docs/Guide' })),
      of('the right case', get('/docs/Guide'), 200),
    ],
  },
  {
    id: 'headers-file',
    text: '_headers: rules match the path asked for and the file served, on redirects, errors, 304 and 404 too; HSTS never over plain HTTP',
    cases: [
      of(
        '200',
        get('/about'),
        200,
        has({ 'x-everywhere': 'yes', 'x-asked': 'about', 'strict-transport-security': undefined }),
      ),
      of(
        'by the other path of the file',
        get('/about.html'),
        200,
        has({ 'x-everywhere': 'yes', 'x-asked': undefined }),
      ),
      of('cache', get('/hidden.txt'), 200, has({ 'cache-control': 'public, max-age=604800' })),
      of('304', get('/about', 'If-None-Match: *'), 304, has({ 'x-everywhere': 'yes', 'x-asked': 'about' })),
      of('412', get('/about', 'If-Match: "x"'), 412, has({ 'x-everywhere': 'yes', 'x-asked': 'about' })),
      of('206', get('/about', 'Range: bytes=0-1'), 206, has({ 'x-everywhere': 'yes', 'x-asked': 'about' })),
      of('404', get('/nothing.txt'), 404, has({ 'x-everywhere': 'yes', 'cache-control': 'no-cache' })),
      of(
        '405',
        ask('POST', '/about'),
        405,
        has({ 'x-everywhere': 'yes', 'x-asked': 'about', 'cache-control': 'no-store' }),
      ),
      of('406', get('/about', 'Accept-Encoding: *;q=0'), 406, has({ 'x-asked': 'about' })),
      of('301 of the host', get('/docs'), 301, has({ 'x-everywhere': 'yes' })),
      of('301 of a rule', get('/moved'), 301, has({ 'x-everywhere': 'yes', location: '/docs/' })),
      of('302 of a rule with a splat', get('/news/x'), 302, has({ 'x-everywhere': 'yes' })),
      of('301 to the right case', get('/ABOUT'), 301, has({ 'x-everywhere': 'yes', location: '/about' })),
      of('a splat in a value', get('/docs/Guide'), 200, has({ 'x-document': 'Guide' })),
    ],
    also: [
      ['test/store/rules.test.ts', '_headers: an error names file and line'],
      ['test/store/rules.test.ts', '_headers: what frames a message is the server'],
      ['test/store/rules.test.ts', '_headers: globs, comments'],
    ],
  },
  {
    id: 'redirects-file',
    text: '_redirects: splats, placeholders, status, 200 rewrites inside the site; no open redirect, nothing that breaks out of Location',
    cases: [
      of('one path', get('/moved'), 301, has({ location: '/docs/' })),
      of('with a slash', get('/moved/'), 301, has({ location: '/docs/' })),
      of('splat', get('/news/2024/x?y'), 302, has({ location: '/blog/2024/x?y' })),
      of('placeholders', get('/y/2024/first-post'), 308, has({ location: '/blog/2024/03/first-post/' })),
      of('410', get('/gone'), 410, body(/Nothing here/)),
      of('rewrite', get('/alias/Guide'), 200, body(/Guide/)),
      of(
        'a rewrite never leaves the site',
        get('/alias/../../etc/passwd') + get('/alias/..%2f..%2fetc%2fpasswd'),
        '404 404',
      ),
      of('another host that the rule names', get('/out/a'), 302, has({ location: 'https://other.example/a' })),
      of(
        'the path cannot choose the host',
        get('/out/@evil.example/'),
        302,
        has({ location: /^https:\/\/other\.example\/@evil\.example\/?$/ }),
      ),
      of('// is no host', get('/anything//evil.example'), 301, has({ location: '/evil.example' })),
      of('an encoded slash is no host', get('/anything/%2Fevil.example'), 301, has({ location: '/%2Fevil.example' })),
      of('CR and LF are refused', get('/anything/%0d%0aSet-Cookie:%20a=b'), 400, has({ 'set-cookie': undefined })),
      of('quotes are encoded', get('/anything/%22%3E%3Cscript%3E'), 301, has({ location: '/%22%3E%3Cscript%3E' })),
      of('octets above ASCII are encoded', get('/anything/\xc3\xa9'), 301, has({ location: '/%C3%A9' })),
      of('queries cannot inject', get('/moved?a%0d%0aX:y'), 301, has({ location: '/docs/?a%0d%0aX:y' })),
    ],
    also: [
      ['test/store/rules.test.ts', '_redirects: what is wrong with a line is told with file and line'],
      ['test/store/rules.test.ts', '_redirects: no path leads to another host'],
      ['test/store/rules.test.ts', '_redirects: the first rule wins'],
    ],
  },
  {
    id: 'double-slash',
    text: 'No open redirect by //host',
    cases: [
      of('//host', get('//evil.example/'), 404),
      of('//docs', get('//docs'), 301, has({ location: '/docs/' })),
      of('/\\host', get('/\\evil.example'), 400),
      of('/%5Chost', get('/%5Cevil.example/..'), 200),
      of('//host/..', get('//evil.example/../docs'), 301, has({ location: '/docs/' })),
    ],
  },
  {
    id: 'feeds',
    text: 'Feeds are known by their root element',
    cases: [
      of('Atom', get('/feed.xml'), 200, has({ 'content-type': 'application/atom+xml; charset=utf-8' })),
      of('RSS', get('/news.xml'), 200, has({ 'content-type': 'application/rss+xml; charset=utf-8' })),
    ],
    also: [['test/store/media-type.test.ts', '']],
  },
  {
    id: 'meta-refresh',
    text: 'Meta-refresh pages answered as redirects, by option',
    site: { metaRefresh: true },
    cases: [
      of('a page', get('/old/'), 301, has({ location: '/docs/', 'x-everywhere': 'yes' })),
      of('its file', get('/old/index.html'), 301),
    ],
    also: [['test/store/meta-refresh.test.ts', '']],
  },
  {
    id: 'no-meta-refresh',
    text: 'Without the option such a page is a page',
    cases: [of('a page', get('/old/'), 200, body(/http-equiv/))],
  },
  {
    id: 'canonical-host',
    text: 'The canonical host, out of CNAME: other hosts are redirected to it',
    http: { canonical: () => 'https://example.org' },
    cases: [
      of('the host itself', get('/about'), 200),
      of('in capitals, with a port and a dot', 'GET /about HTTP/1.1\r\nHost: EXAMPLE.org.:8080\r\n\r\n', 200),
      of(
        'another',
        'GET /about?x=1 HTTP/1.1\r\nHost: www.example.org\r\n\r\n',
        301,
        has({ location: 'https://example.org/about?x=1' }),
      ),
      of('in absolute form', get('http://www.example.org/about'), 301, has({ location: 'https://example.org/about' })),
      of(
        '// stays a path',
        'GET //evil.example HTTP/1.1\r\nHost: b\r\n\r\n',
        301,
        has({ location: 'https://example.org//evil.example' }),
      ),
      of('longer by something', 'GET / HTTP/1.1\r\nHost: example.org.evil\r\n\r\n', 301),
      of('a broken path stays one', 'GET /%zz HTTP/1.1\r\nHost: b\r\n\r\n', 400),
      of('HTTP/1.0 without a host', 'GET /about HTTP/1.0\r\n\r\n', 200),
    ],
    also: [
      ['test/cli/http-arguments.test.ts', 'Where requests are redirected'],
      ['test/cli/canonical-origin.test.ts', 'The host is taken from CNAME'],
    ],
  },
  {
    id: 'redirect-to',
    text: 'HTTP to another scheme or host, by option',
    http: { redirectTo: 'https' },
    cases: [
      of('the host stays', get('/about?x'), 301, has({ location: 'https://example.org/about?x' })),
      of(
        'without its port',
        'GET /a"b HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
        301,
        has({ location: 'https://[::1]/a%22b' }),
      ),
      of('challenges of certificate authorities are answered', get('/.well-known/acme-challenge/x'), 404),
      of('methods that change nothing', ask('POST', '/'), 405),
    ],
  },
  {
    id: 'redirect-to-host',
    text: 'HTTP to another host, by option',
    http: { redirectTo: 'https://new.example:8443' },
    cases: [
      of('a path', get('/about?x'), 301, has({ location: 'https://new.example:8443/about?x' })),
      of(
        'HTTP/1.0 without a host',
        'GET /about HTTP/1.0\r\n\r\n',
        301,
        has({ location: 'https://new.example:8443/about' }),
      ),
      of('HEAD', ask('HEAD', '/'), 301, has({ location: 'https://new.example:8443/' })),
    ],
  },
  {
    id: 'base',
    text: '--base: the site lies below a path',
    http: { base: '/site' },
    cases: [
      of('inside', get('/site/about'), 200, body(/About/)),
      of('outside', get('/about'), 404),
      of('to the slash', get('/site'), 301, has({ location: '/site/' })),
      of('redirects stay inside', get('/site/docs'), 301, has({ location: '/site/docs/', 'x-everywhere': 'yes' })),
      of('a longer name is outside', get('/siteabout'), 404),
    ],
  },
  {
    id: 'hosts',
    text: 'Several sites by Host; --mime ext=type',
    site: { mime: { foo: 'text/x-foo' } },
    http: { hosts: { 'two.example': () => TWO, '[::1]': () => TWO } },
    cases: [
      of('a type', get('/data.foo'), 200, has({ 'content-type': 'text/x-foo; charset=utf-8' })),
      ...['two.example', 'TWO.example', 'two.example:8080', 'two.example.', '[::1]:80'].map((host) =>
        of(`Host: ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 200, body(/^two$/)),
      ),
      ...['one.example', 'two.example.org', 'xtwo.example', ''].map((host) =>
        of(`Host: ${host}`, `GET /about HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 200, body(/About/)),
      ),
      of('the target beats the field', get('http://two.example:80/'), 200, body(/^two$/)),
      of('without a host', 'GET /about HTTP/1.0\r\n\r\n', 200, body(/About/)),
      of('what the other site has', 'GET /about HTTP/1.1\r\nHost: two.example\r\n\r\n', 404),
      of(
        'two sites on one connection',
        `${get('/about')}GET / HTTP/1.1\r\nHost: two.example\r\n\r\n${get('/about')}`,
        '200 200 200',
        (t, answers) =>
          t.same(
            answers.map(({ text }) => /About|two/.exec(text)?.[0]),
            ['About', 'two', 'About'],
          ),
      ),
    ],
    also: [['test/http/sites.test.ts', 'Each host gets its own site']],
  },
];
