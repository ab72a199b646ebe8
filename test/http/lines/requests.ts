import { NOW } from '../three-ways.js';
import { ask, body, both, get, has, type Line, nothingHidden, of } from './line.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const NEXT = get('/hidden.txt');
const CHUNKED = 'Transfer-Encoding: chunked';

function hex(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('hex');
}

function raw(...lines: string[]): string {
  return [...lines, '', ''].join('\r\n');
}

export const REQUESTS: readonly Line[] = [
  {
    id: 'methods',
    text: 'GET, HEAD, OPTIONS; 405 with Allow for known methods, 501 for unknown; TRACE and CONNECT refused',
    cases: [
      of('GET', get('/about'), 200, body(/About/)),
      of('HEAD has the head of GET and no content', ask('HEAD', '/about') + NEXT, '200 200'),
      ...(
        [
          ['a fragment', 400, ask('HEAD', '/#a')],
          ['a long target', 414, ask('HEAD', `/${'a'.repeat(9000)}`)],
          ['https', 421, ask('HEAD', 'https://a/')],
          ['a broken path', 400, ask('HEAD', '/%zz')],
          ['HTTP/2.0', 505, raw('HEAD / HTTP/2.0', 'Host: a')],
          ['no version', 400, raw('HEAD / HTTP/x.y', 'Host: a')],
          ['no host', 400, raw('HEAD / HTTP/1.1')],
          ['a broken field', 400, ask('HEAD', '/', 'X : a')],
          ['a long field', 431, ask('HEAD', '/', `X: ${'a'.repeat(9000)}`)],
          ['a head cut short', 400, 'HEAD / HTTP/1.1\r\nHo'],
          ['content cut short', 400, `${ask('HEAD', '/', 'Content-Length: 5')}ab`],
          ['a broken chunk', 400, `${ask('HEAD', '/', CHUNKED)}zz\r\n`],
        ] as const
      ).map(([name, status, bytes]) =>
        of(`HEAD is refused without content: ${name}`, bytes, status, (t, _, all) => t.ok(all.endsWith('\r\n\r\n'))),
      ),
      of(
        'OPTIONS of a path',
        ask('OPTIONS', '/about'),
        204,
        has({ allow: 'GET, HEAD, OPTIONS', 'accept-ranges': 'bytes', 'x-asked': 'about' }),
      ),
      of(
        'OPTIONS of the server',
        ask('OPTIONS', '*'),
        204,
        has({ allow: 'GET, HEAD, OPTIONS', 'accept-ranges': 'bytes' }),
      ),
      ...['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'].map((method) =>
        of(method, ask(method, '/about') + NEXT, '405 200', (t, [first]) =>
          t.equal(first!.fields.get('allow'), 'GET, HEAD, OPTIONS'),
        ),
      ),
      of('CONNECT', ask('CONNECT', 'example.org:80') + NEXT, 405, both(nothingHidden, has({ connection: 'close' }))),
      of('unknown', ask('BREW', '/about') + NEXT, '501 200'),
      of('methods are case-sensitive', ask('get', '/about'), 501),
    ],
  },
  {
    id: 'versions',
    text: 'HTTP/1.1; 1.0 with and without keep-alive; 0.9 refused; the preface of HTTP/2 taken at the beginning of a connection; 505',
    cases: [
      of('1.1 goes on', get('/about') + NEXT, '200 200', has({ connection: undefined })),
      of('1.0 ends', raw('GET /about HTTP/1.0') + NEXT, 200, both(nothingHidden, has({ connection: 'close' }))),
      of(
        '1.0 goes on when asked',
        `${raw('GET /about HTTP/1.0', 'Connection: keep-alive')}${raw('GET /about HTTP/1.0')}`,
        '200 200',
        (t, [first]) => t.equal(first!.fields.get('connection'), 'keep-alive'),
      ),
      of('1.7 is 1.1', raw('GET /about HTTP/1.7', 'Host: a'), 200),
      of('0.9', 'GET /about\r\n', 400),
      of('2.0 as text', raw('GET /about HTTP/2.0', 'Host: a'), 505, has({ connection: 'close' })),
      of('3.1', raw('GET /about HTTP/3.1', 'Host: a'), 505),
      of('no version', raw('GET /about HTTP/x.y', 'Host: a'), 400),
      {
        name: 'the preface of HTTP/2, and no word more',
        steps: [PREFACE],
        statuses: 'frames',
        check: (t, _, bytes) => t.match(hex(bytes), /^000012040000000000/, 'SETTINGS'),
      },
      {
        name: 'HTTP/2, cut in two',
        steps: [PREFACE.slice(0, 5), `${PREFACE.slice(5)}\0\0\0\x04\0\0\0\0\0`],
        statuses: 'frames',
        check: (t, _, bytes) => t.match(hex(bytes), /000000040100000000$/, 'SETTINGS is acknowledged'),
      },
      {
        name: 'the preface of HTTP/2 behind a request',
        steps: [get('/about') + PREFACE],
        statuses: 'frames',
        check: (t, _, bytes) => {
          t.match(bytes, /^HTTP\/1\.1 200 /);
          t.match(hex(bytes), /000000040000000000000008070{25}d$/, 'SETTINGS and GOAWAY with HTTP_1_1_REQUIRED');
        },
      },
    ],
  },
  {
    id: 'targets',
    text: 'origin, absolute and asterisk form; authority form for nothing but CONNECT',
    cases: [
      of('origin', get('/docs/'), 200),
      of('absolute', get('http://example.org/docs/'), 200, body(/Docs/)),
      of('absolute with an empty path', get('http://example.org'), 200, body(/Home/)),
      of('absolute with a query alone', get('http://example.org?x'), 200, body(/Home/)),
      of('absolute for https', get('https://example.org/'), 421),
      of('absolute with user information', get('http://a@example.org/'), 400),
      of('absolute in another scheme', get('ftp://example.org/'), 400),
      of('asterisk for GET', get('*'), 400),
      of('authority for GET', get('example.org:80'), 400),
      of('no slash', get('about'), 400),
      of('a fragment', get('/about#x'), 400),
    ],
  },
  {
    id: 'host',
    text: 'Host is required, single and validated',
    cases: [
      of('missing in 1.1', raw('GET / HTTP/1.1'), 400),
      of('missing in 1.0', raw('GET / HTTP/1.0'), 200),
      of('two', raw('GET / HTTP/1.1', 'Host: a', 'Host: a'), 400),
      of('two in absolute form', raw('GET http://a/ HTTP/1.1', 'Host: a', 'Host: b'), 400),
      ...['a b', 'a/b', 'a@b', 'a:80:80', 'a:99999', 'a:8x', '[::1', '[1]', 'a?', 'a#', 'é', 'a%zz', '"a"', 'a\\b'].map(
        (host) => of(JSON.stringify(host), raw('GET / HTTP/1.1', `Host: ${host}`) + NEXT, 400, nothingHidden),
      ),
      ...['a:80', '[::1]:80', '127.0.0.1', 'a_b', ''].map((host) =>
        of(`${JSON.stringify(host)} is right`, raw('GET / HTTP/1.1', `Host: ${host}`), 200),
      ),
    ],
  },
  {
    id: 'decoding',
    text: 'Percent-decoding once; invalid encodings, NUL, controls, backslashes, overlong UTF-8 and encoded slashes reach nothing else',
    cases: [
      of('decoded', get('/%61bout'), 200, body(/About/)),
      of('spaces', get('/a%20b.txt'), 200, body(/spaces/)),
      of('UTF-8, encoded', get('/%C3%A9t%c3%a9.txt'), 200, body(/summer/)),
      of('UTF-8, plain', get('/\xc3\xa9t\xc3\xa9.txt'), 200, body(/summer/)),
      of('not twice', get('/%2561bout'), 404),
      ...[
        '/%',
        '/%4',
        '/%zz',
        '/%00',
        '/a%0d%0aX:%20y',
        '/%7f',
        '/\\..\\a',
        '/%c0%ae',
        '/%ed%a0%80',
        '/%f5%80%80%80',
        '/\xff',
      ].map((path) => of(JSON.stringify(path), get(path), 400)),
      ...[
        '/docs%2findex.html',
        '/docs%2Findex.html',
        '/..%2f..%2fetc/passwd',
        '/alias/%2fhidden.txt',
        '/alias/..%2fhidden.txt',
      ].map((path) => of(path, get(path), 404, nothingHidden)),
      of('a backslash in a redirect', get('/anything/%5Cevil.example'), 301, has({ location: '/%5Cevil.example' })),
    ],
  },
  {
    id: 'normalisation',
    text: '//, /./ and /../ are normalised, and never leave the site; queries are ignored for the look-up',
    cases: [
      ...[
        '//about',
        '/./about',
        '/docs/../about',
        '/docs/%2e%2e/about',
        '///docs/.././about',
        '/about?x',
        '/about?/../x',
        '/../../about',
      ].map((path) => of(path, get(path), 200, body(/About/))),
      of('above the root', get('/../../../../etc/passwd'), 404),
      of('a query that names a path', get('/nothing?/about'), 404),
    ],
  },
  {
    id: 'limits',
    text: 'Limits on line, field, count and total, each with its status: 414, 431, 400',
    cases: [
      of('a long target', get(`/${'a'.repeat(8200)}`) + NEXT, 414, both(nothingHidden, has({ connection: 'close' }))),
      of('a long method', `${'A'.repeat(9000)} / HTTP/1.1\r\n`, 501),
      of('a long field', get('/', `X: ${'a'.repeat(8200)}`), 431),
      of('a long name', get('/', `${'x'.repeat(9000)}: a`), 431),
      of('many fields', get('/', ...Array.from({ length: 101 }, (_, i) => `X${i}: a`)), 431),
      of('a long head', get('/', ...Array.from({ length: 10 }, (_, i) => `X${i}: ${'a'.repeat(4000)}`)), 431),
      of('what fits', get('/about', ...Array.from({ length: 90 }, (_, i) => `X${i}: ${'a'.repeat(300)}`)), 200),
      of('a segment longer than a file name can be', get(`/${'a'.repeat(4000)}`), 404),
      of('empty lines before', '\r\n'.repeat(9) + NEXT, 400, nothingHidden),
      of('an endless first line', 'A'.repeat(9000), 501),
    ],
  },
  {
    id: 'syntax',
    text: 'Bare CR, bare LF, obs-fold, space before the colon: refused and closed, never a second reading of the same bytes',
    cases: [
      ...Object.entries({
        'bare LF in the request line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
        'bare LF in a field': 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n',
        'bare LF at the end': 'GET / HTTP/1.1\r\nHost: a\r\n\n',
        'bare CR in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n',
        'bare CR in the request line': 'GET /\r HTTP/1.1\r\nHost: a\r\n\r\n',
        'obs-fold': 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n',
        'fold of the first field': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
        'space before the colon': 'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
        'no name': 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n',
        'no colon': 'GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n',
        'NUL in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
        'two spaces': 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
        'a tab': 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n',
        'space behind the version': 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n',
        TLS: '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
      }).map(([name, bytes]) =>
        of(name, bytes + NEXT, 400, both(nothingHidden, has({ connection: 'close', date: NOW }))),
      ),
      of('empty lines between requests are ignored', `\r\n${NEXT}\r\n${NEXT}`, '200 200'),
      of('tabs and octets above ASCII in values', get('/about', 'X:\ta\tb\xe9 '), 200),
    ],
  },
  {
    id: 'framing',
    text: 'Duplicate or conflicting Content-Length, Transfer-Encoding with Content-Length, unknown codings: refused and closed',
    cases: [
      ...['3, 3', '+3', '-3', '0x3', '3 3', '', '9999999999999999', '3.0', '３'].map((value) =>
        of(`Content-Length: ${value}`, `${ask('POST', '/', `Content-Length: ${value}`)}abc${NEXT}`, 400, nothingHidden),
      ),
      of('twice, equal', `${ask('POST', '/', 'Content-Length: 3', 'Content-Length: 3')}abc${NEXT}`, 400, nothingHidden),
      of(
        'twice, conflicting',
        `${ask('POST', '/', 'Content-Length: 3', 'Content-Length: 0')}abc${NEXT}`,
        400,
        nothingHidden,
      ),
      of(
        'with Transfer-Encoding',
        `${ask('POST', '/', 'Content-Length: 4', CHUNKED)}0\r\n\r\n${NEXT}`,
        400,
        nothingHidden,
      ),
      of('Transfer-Encoding in 1.0', `${raw('POST / HTTP/1.0', CHUNKED)}0\r\n\r\n${NEXT}`, 400, nothingHidden),
      of(
        'gzip, chunked',
        `${ask('POST', '/', 'Transfer-Encoding: gzip, chunked')}0\r\n\r\n${NEXT}`,
        501,
        nothingHidden,
      ),
      ...['chunked, chunked', 'chunked, gzip', '', ',', 'chunked;q=1'].map((value) =>
        of(
          `Transfer-Encoding: ${value}`,
          `${ask('POST', '/', `Transfer-Encoding: ${value}`)}0\r\n\r\n${NEXT}`,
          value === 'chunked;q=1' ? 501 : 400,
          nothingHidden,
        ),
      ),
    ],
  },
  {
    id: 'content',
    text: 'Content of a request is consumed, bounded, or the connection closed; chunked is parsed strictly, with extensions and trailers',
    cases: [
      of('GET with content', `${get('/about', 'Content-Length: 5')}hello${NEXT}`, '200 200'),
      of(
        'chunked, extensions, trailers',
        `${get('/about', CHUNKED)}5;a="b\\"c";d\r\nhello\r\n0\r\nX: y\r\n\r\n${NEXT}`,
        '200 200',
      ),
      ...[
        '5\nhello',
        'x\r\n',
        '5\r\nhelloX',
        ' 5\r\nhello\r\n0\r\n\r\n',
        '5;\r\nhello',
        '0\r\nX y\r\n\r\n',
        '1234567890123\r\n',
        '0\r\n\n',
      ].map((chunks) => of(JSON.stringify(chunks), get('/about', CHUNKED) + chunks + NEXT, 400, nothingHidden)),
      of('too much', ask('POST', '/', 'Content-Length: 2000000'), 405, has({ connection: 'close' })),
      of('too much for GET', get('/about', 'Content-Length: 2000000'), 413, has({ connection: 'close' })),
      of('cut short', `${get('/about', 'Content-Length: 5')}hel`, 400),
    ],
  },
  {
    id: 'expect',
    text: 'Expect: 100-continue is answered when content will be read; anything else expected is 417; no 1xx to HTTP/1.0',
    cases: [
      of('100', [get('/about', 'Expect: 100-continue', 'Content-Length: 2'), 'ab', NEXT], '100 200 200'),
      of('in any case', [get('/about', 'expect: 100-Continue', 'Content-Length: 2'), 'ab'], '100 200'),
      of('without content', get('/about', 'Expect: 100-continue') + NEXT, '200 200'),
      of('refused at once', ask('POST', '/', 'Expect: 100-continue', 'Content-Length: 2'), 405),
      of('to 1.0', `${raw('GET /about HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 2')}ab`, 200),
      of('another', get('/about', 'Expect: 200-ok') + NEXT, 417, nothingHidden),
      of('several', get('/about', 'Expect: 100-continue', 'Expect: x'), 417),
    ],
  },
  {
    id: 'ignored',
    text: 'Upgrade, TE, Max-Forwards and other fields of hops are ignored',
    cases: [
      of(
        'h2c',
        get(
          '/about',
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
        ) + NEXT,
        '200 200',
      ),
      of('websocket', get('/about', 'Connection: Upgrade', 'Upgrade: websocket'), 200, has({ upgrade: undefined })),
      of('TE', get('/about', 'TE: trailers, deflate;q=0.5', 'Connection: TE') + NEXT, '200 200'),
      of(
        'Connection: Content-Length frames all the same',
        `${get('/about', 'Connection: Content-Length', 'Content-Length: 2')}ab${NEXT}`,
        '200 200',
      ),
      of('Max-Forwards', ask('OPTIONS', '/', 'Max-Forwards: 0'), 204),
    ],
  },
];
