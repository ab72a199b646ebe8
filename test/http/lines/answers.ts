import { createHash } from 'node:crypto';
import { NOW } from '../three-ways.js';
import { ask, body, both, type Case, get, has, type Line, of } from './line.js';
import { MOVIE } from './site.js';

const TAG = `"${createHash('sha256').update(MOVIE).digest('hex').slice(0, 16)}"`;
const OLD = 'Sun, 06 Nov 1994 08:49:37 GMT';

function movie(...lines: string[]): string {
  return get('/movie.mp4', ...lines);
}

function length(bytes: number): NonNullable<Case['check']> {
  return (t, answers) => t.equal(answers.at(-1)!.body.length, bytes);
}

export const ANSWERS: readonly Line[] = [
  {
    id: 'conditions',
    text: 'Conditions in the order of RFC 9110 13.2.2, weak and strong comparison, lists and *',
    cases: [
      of('If-None-Match', movie(`If-None-Match: ${TAG}`), 304),
      of('weak', movie(`If-None-Match: W/${TAG}`), 304),
      of('in a list', movie(`If-None-Match: "a", W/"b,c" ,${TAG}`), 304),
      of('in a second line', movie('If-None-Match: "a"', `If-None-Match: ${TAG}`), 304),
      of('*', movie('If-None-Match: *'), 304),
      of('another', movie('If-None-Match: "a"'), 200),
      of('without quotes', movie(`If-None-Match: ${TAG.slice(1, -1)}`), 200),
      of('If-Match', movie(`If-Match: ${TAG}`), 200),
      of('If-Match, weak', movie(`If-Match: W/${TAG}`), 412),
      of('If-Match, *', movie('If-Match: *'), 200),
      of('If-Match before If-None-Match', movie('If-Match: "a"', `If-None-Match: ${TAG}`), 412),
      of('If-None-Match before Range', movie(`If-None-Match: ${TAG}`, 'Range: bytes=0-1'), 304),
      of(
        'dates are ignored without an honest Last-Modified',
        movie(`If-Modified-Since: ${OLD}`, `If-Unmodified-Since: ${OLD}`),
        200,
      ),
      of('HEAD', ask('HEAD', '/movie.mp4', `If-None-Match: ${TAG}`), 304),
      of('none for what is not there', get('/nothing', 'If-None-Match: *'), 404),
      of('none for redirects', get('/docs', 'If-Match: "a"'), 301),
    ],
    also: [
      ['test/http/conditions.test.ts', 'RFC 9110 13.1.3: If-Modified-Since in three formats'],
      ['test/http/conditions.test.ts', 'RFC 9110 5.6.7: a year of two digits'],
      ['test/http/conditions.test.ts', 'RFC 9110 13.1.4: If-Unmodified-Since'],
      ['test/http/conditions.test.ts', 'RFC 9110 13.2.2: If-None-Match beats'],
    ],
  },
  {
    id: 'not-modified',
    text: '304 and 412 with exactly the fields that they must have',
    cases: [
      of('304', get('/', 'If-None-Match: *'), 304, (t, [answer]) =>
        t.same([...answer!.fields.keys()].sort(), ['cache-control', 'date', 'etag', 'vary', 'x-everywhere']),
      ),
      of('412', get('/', 'If-Match: "a"'), 412, (t, [answer]) =>
        t.same([...answer!.fields.keys()].sort(), ['content-length', 'date', 'etag', 'vary', 'x-everywhere']),
      ),
    ],
  },
  {
    id: 'ranges',
    text: 'Ranges: single, suffix, open, several (bounded, coalesced); 416 with the size; malformed ones ignored; HEAD ignores them',
    cases: [
      of(
        'single',
        movie('Range: bytes=0-9'),
        206,
        both(has({ 'content-range': 'bytes 0-9/10000', etag: TAG }), length(10)),
      ),
      of('suffix', movie('Range: bytes=-5'), 206, has({ 'content-range': 'bytes 9995-9999/10000' })),
      of('suffix beyond', movie('Range: bytes=-50000'), 206, length(10_000)),
      of('open', movie('Range: bytes=9990-'), 206, length(10)),
      of('beyond the end', movie('Range: bytes=9990-18446744073709551615'), 206, length(10)),
      of('unit in capitals', movie('Range: BYTES=0-0'), 206, length(1)),
      of(
        'several',
        movie('Range: bytes=0-9, 5000-5009'),
        206,
        both(
          has({ 'content-type': /^multipart\/byteranges; boundary=/ }),
          body(/Content-Range: bytes 5000-5009\/10000/),
        ),
      ),
      of(
        'overlapping are one',
        movie('Range: bytes=0-99,50-149,100-199'),
        206,
        both(has({ 'content-range': 'bytes 0-199/10000' }), length(200)),
      ),
      of(
        'too many',
        movie(`Range: bytes=${Array.from({ length: 40 }, (_, i) => `${i * 200}-${i * 200}`).join(',')}`),
        200,
      ),
      of('a flood of them', movie(`Range: bytes=${Array.from({ length: 1200 }, () => '0-').join(',')}`), 200),
      of(
        'none satisfiable',
        movie('Range: bytes=10000-'),
        416,
        has({ 'content-range': 'bytes */10000', 'x-everywhere': 'yes', vary: 'Accept-Encoding' }),
      ),
      of('a suffix of nothing', movie('Range: bytes=-0'), 416),
      ...[
        'bytes=5-3',
        'bytes=a-b',
        'bytes=',
        'bytes=-',
        'bytes 0-1',
        'items=0-1',
        'bytes=+1-3',
        'bytes=0-1-2',
        'bytes=0x0-1',
      ].map((range) => of(range, movie(`Range: ${range}`), 200)),
      of('two fields', movie('Range: bytes=0-1', 'Range: bytes=2-3'), 200),
      of('HEAD', ask('HEAD', '/movie.mp4', 'Range: bytes=0-1'), 200, has({ 'content-length': '10000' })),
      of('of nothing', get('/empty.css', 'Range: bytes=0-'), 200, has({ 'content-length': '0' })),
      of('none of a 404', get('/nothing', 'Range: bytes=0-1'), 404),
    ],
    also: [['test/http/ranges.test.ts', 'A range of a compressed representation']],
  },
  {
    id: 'if-range',
    text: 'If-Range: strong tags and exact dates; weak tags never match',
    cases: [
      of('the tag', movie('Range: bytes=0-1', `If-Range: ${TAG}`), 206),
      of('weak', movie('Range: bytes=0-1', `If-Range: W/${TAG}`), 200),
      of('another', movie('Range: bytes=0-1', 'If-Range: "a"'), 200),
      of('a date without Last-Modified', movie('Range: bytes=0-1', `If-Range: ${OLD}`), 200),
      of('before 416', movie('Range: bytes=20000-', 'If-Range: "a"'), 200),
      of('without Range', movie('If-Range: "a"'), 200),
      of('the tag of another coding', get('/', 'Accept-Encoding: br', 'Range: bytes=0-1', `If-Range: ${TAG}`), 200),
    ],
    also: [['test/http/ranges.test.ts', 'RFC 9110 13.1.5: If-Range']],
  },
  {
    id: 'negotiation',
    text: 'br, zstd, gzip and identity by weights; Vary wherever it could differ; a strong tag for each; never larger than identity',
    cases: [
      of('none asked', get('/'), 200, has({ 'content-encoding': undefined, vary: 'Accept-Encoding' })),
      ...['br', 'zstd', 'gzip', 'x-gzip', 'GZIP', 'gzip;q=0.001', 'br;q=1.000, identity;q=0'].map((value) =>
        of(
          value,
          get('/', `Accept-Encoding: ${value}`),
          200,
          has({ 'content-encoding': /^(br|zstd|gzip)$/, etag: /^"[0-9a-f]{16}"$/, vary: 'Accept-Encoding' }),
        ),
      ),
      of(
        'weights',
        get('/', 'Accept-Encoding: br;q=0.2, gzip;q=0.8, zstd;q=0.5'),
        200,
        has({ 'content-encoding': 'gzip' }),
      ),
      of('forbidden', get('/', 'Accept-Encoding: gzip, br;q=0, zstd;q=0'), 200, has({ 'content-encoding': 'gzip' })),
      of('any but one', get('/', 'Accept-Encoding: *, br;q=0, zstd;q=0'), 200, has({ 'content-encoding': 'gzip' })),
      of(
        'identity preferred',
        get('/', 'Accept-Encoding: gzip;q=0.5, identity'),
        200,
        has({ 'content-encoding': undefined }),
      ),
      ...[
        '',
        'identity',
        'br;q=0',
        '*;q=0, identity',
        'deflate',
        'gzip;q=2',
        'gzip;q=',
        'gzip;q=0.1234',
        'brx',
        ',,',
        'gzip;x=y',
      ].map((value) =>
        of(JSON.stringify(value), get('/', `Accept-Encoding: ${value}`), 200, has({ 'content-encoding': undefined })),
      ),
      ...['identity;q=0', '*;q=0', 'identity;q=0, *;q=0', 'deflate, identity;q=0'].map((value) =>
        of(
          value,
          get('/about', `Accept-Encoding: ${value}`),
          406,
          has({ vary: 'Accept-Encoding', 'x-everywhere': 'yes' }),
        ),
      ),
      of('404 is sent all the same', get('/nothing', 'Accept-Encoding: *;q=0'), 404),
      of(
        'what does not get smaller has one form',
        movie('Accept-Encoding: br, gzip, zstd'),
        200,
        has({ 'content-encoding': undefined, vary: undefined }),
      ),
      of(
        'several lines are one list',
        get('/', 'Accept-Encoding: br;q=0', 'Accept-Encoding: gzip'),
        200,
        has({ 'content-encoding': 'gzip' }),
      ),
    ],
    also: [
      ['test/http/negotiation.test.ts', 'RFC 9110 8.8.3: each coding has its own strong tag'],
      ['test/store/compress.test.ts', ''],
    ],
  },
  {
    id: 'languages',
    text: 'Languages, when a site has page.en.html, by option',
    site: { languages: ['en', 'de'] },
    cases: [
      of(
        'none asked',
        get('/team'),
        200,
        both(body(/The team/), has({ 'content-language': 'en', vary: 'Accept-Language' })),
      ),
      of(
        'asked',
        get('/team', 'Accept-Language: de'),
        200,
        both(body(/Mannschaft/), has({ 'content-language': 'de', vary: 'Accept-Language' })),
      ),
      of('a region of it', get('/team', 'Accept-Language: de-AT'), 200, body(/Mannschaft/)),
      of('weights', get('/team.html', 'Accept-Language: de;q=0.4, en-GB;q=0.7'), 200, body(/The team/)),
      of('forbidden', get('/team', 'Accept-Language: *, en;q=0'), 200, body(/Mannschaft/)),
      of('one that is not there', get('/team', 'Accept-Language: fr'), 200, body(/The team/)),
      of(
        'the translation itself',
        get('/team.de.html', 'Accept-Language: en'),
        200,
        both(body(/Mannschaft/), has({ vary: undefined })),
      ),
      of('304 varies too', get('/team', 'If-None-Match: *'), 304, has({ vary: 'Accept-Language' })),
      of('nonsense', get('/team', 'Accept-Language: ;;q=,,-'), 200, body(/The team/)),
    ],
  },
  {
    id: 'no-languages',
    text: 'Without the option names like page.en.html mean nothing',
    cases: [
      of('no page of that name', get('/team'), 404),
      of('the file', get('/team.en.html'), 200, has({ 'content-language': undefined })),
    ],
  },
  {
    id: 'date',
    text: 'Date on every answer, those of the parser too',
    cases: [
      of(
        'all kinds',
        get('/about') +
          get('/nothing') +
          get('/docs') +
          get('/', 'If-None-Match: *') +
          movie('Range: bytes=0-0') +
          ask('OPTIONS', '/') +
          ask('POST', '/') +
          ask('BREW', '/') +
          'x\r\n',
        '200 404 301 304 206 204 405 501 400',
        (t, answers) => t.ok(answers.every((answer) => answer.fields.get('date') === NOW)),
      ),
    ],
    also: [['test/http/get-and-head.test.ts', 'Date follows the clock']],
  },
  {
    id: 'server-field',
    text: 'Server by option',
    http: { serverField: 'sitekernel/1 (a test)' },
    cases: [
      of(
        'on every answer',
        `${get('/about') + get('/nothing')}x\r\n`,
        '200 404 400',
        has({ server: 'sitekernel/1 (a test)' }),
      ),
    ],
  },
  {
    id: 'fields',
    text: 'Content-Type with charset, nosniff, the security fields that a static site can bear, Accept-Ranges',
    cases: [
      of(
        'HTML',
        get('/about'),
        200,
        has({
          'content-type': 'text/html; charset=utf-8',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'SAMEORIGIN',
          'referrer-policy': 'strict-origin-when-cross-origin',
          'accept-ranges': 'bytes',
          server: undefined,
        }),
      ),
      of('a script', get('/app.js'), 200, has({ 'content-type': 'text/javascript; charset=utf-8' })),
      of('a film', movie(), 200, has({ 'content-type': 'video/mp4' })),
      of('a name without a type', get('/data.foo'), 200, has({ 'content-type': 'application/octet-stream' })),
      of(
        'an error page of the server',
        ask('POST', '/'),
        405,
        has({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': /default-src 'none'/ }),
      ),
    ],
  },
  {
    id: 'cache-control',
    text: 'Cache-Control by policy: fingerprinted names immutable, HTML and service workers revalidated',
    cases: [
      of(
        'fingerprinted',
        get('/style.3f2a9c1b7e.css?h=1'),
        200,
        has({ 'cache-control': 'public, max-age=31536000, immutable' }),
      ),
      of('HTML', get('/about'), 200, has({ 'cache-control': 'no-cache' })),
      of('a service worker', get('/sw.js'), 200, has({ 'cache-control': 'no-cache' })),
      of('a film', movie(), 200, has({ 'cache-control': 'public, max-age=600, must-revalidate' })),
      of('errors', get('/a%00'), 400, has({ 'cache-control': 'no-store' })),
    ],
  },
  {
    id: 'preload',
    text: 'Link: rel=preload, or 103 Early Hints before it, from what the bundler saw that a page needs, by option',
    site: { preload: 'early-hints' },
    cases: [
      of('a page', get('/'), '103 200', (t, [hint, answer]) => {
        const link = '</style.3f2a9c1b7e.css?h=1>; rel=preload; as=style, </app.js>; rel=preload; as=script';
        t.equal(hint!.fields.get('link'), link);
        t.equal(answer!.fields.get('link'), link);
      }),
      of('not to HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 200),
      of('not for HEAD', ask('HEAD', '/'), 200),
      of('not before 304', get('/', 'If-None-Match: *'), 304, has({ link: undefined })),
      of('not before 206', get('/', 'Range: bytes=0-1'), 206),
      of('a page that needs nothing', get('/about'), 200, has({ link: undefined })),
      of('pipelined', get('/') + get('/about') + get('/'), '103 200 200 103 200'),
    ],
  },
];
