import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { openStore } from '../../src/store/index.js';
import { fieldsOf, nginxVersion, startNginx, statuses } from './nginx.js';

const NEXT = 'GET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n';

function get(target: string, ...lines: string[]): string {
  return [`GET ${target} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n');
}

function post(...lines: string[]): string {
  return ['POST / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n');
}

/** The same requests to both. Where nginx answers otherwise: what it answers, and why we do not. */
const CASES: readonly (readonly [bytes: string, ours: string, nginx?: string, reason?: string])[] = [
  [get('/'), '200'],
  [get('/docs'), '301'],
  [get('/docs/index.html'), '200'],
  [get('/nothing'), '404'],
  [get('/about'), '200'],
  [get('/a%20b.txt'), '200'],
  [get('/%64ocs/'), '200'],
  [get('//docs//'), '200'],
  [get('/docs/../docs/./'), '200'],
  [get('/../../etc/passwd'), '404', '400', 'RFC 3986 5.2.4 has dot segments at the root removed'],
  [get('/docs%2findex.html'), '404', '200', 'an encoded slash is data (RFC 3986 2.2), and reaches no other resource'],
  [get('/a%00b'), '400'],
  [get('/%zz'), '400'],
  [get('/%c0%af'), '400', '404', 'overlong UTF-8 is no name of anything'],
  [get('/a\\b'), '400', '404', 'a plain backslash is no URI character (RFC 3986 2)'],
  [get('/#a'), '400', '200', 'a fragment is no part of a request target (RFC 9112 3.2)'],
  [get('http://b/docs/'), '200'],
  [get('https://b/docs/'), '421', '200', 'RFC 9110 7.4: not over a connection that is not secured'],
  [get('*'), '400'],
  ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', '204', '400', 'RFC 9110 9.3.7 defines it'],
  ['OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n', '204', '405', 'it is done here'],
  ['BREW / HTTP/1.1\r\nHost: a\r\n\r\n', '501', '405', 'RFC 9110 9.1: not recognised is 501'],
  ['get / HTTP/1.1\r\nHost: a\r\n\r\n', '501', '400', 'methods are case-sensitive, and this one is unknown'],
  ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', '405'],
  [`${post('Content-Length: 3')}abc${NEXT}`, '405 200'],
  ['GET / HTTP/1.1\r\n\r\n', '400'],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', '400'],
  ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', '400'],
  ['GET / HTTP/1.0\r\n\r\n', '200'],
  ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', '505'],
  ['GET / HTTP/1.2\r\nHost: a\r\n\r\n', '200'],
  ['GET /\r\n', '400', '?', 'nginx answers as HTTP/0.9'],
  [`\r\n${NEXT}`, '200'],
  ['GET / HTTP/1.1\nHost: a\n\n', '400', '200', 'a bare LF is what smuggling is made of'],
  [get('/', 'X : y'), '400'],
  [get('/', 'X: a', ' b'), '400'],
  [get('/', 'X: a\rb'), '400'],
  [get('/', 'X: a\0b'), '400'],
  [get('/', `X: ${'a'.repeat(9000)}`), '431', '400', 'RFC 6585 5'],
  [get(`/${'a'.repeat(9000)}`), '414'],
  [`${post('Content-Length: 3', 'Content-Length: 3')}abc`, '400'],
  [`${post('Content-Length: -3')}abc`, '400'],
  [`${post('Content-Length: 3', 'Transfer-Encoding: chunked')}0\r\n\r\n`, '400'],
  [`${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`, '501'],
  [`${get('/', 'Transfer-Encoding: chunked')}3;a=b\r\nabc\r\n0\r\n\r\n${NEXT}`, '200 200'],
  [
    `${get('/', 'Transfer-Encoding: chunked')}3\nabc\r\n0\r\n\r\n${NEXT}`,
    '400',
    '200 200',
    'RFC 9112 7.1: a chunk line ends in CRLF',
  ],
  [`${get('/', 'Transfer-Encoding: chunked')}xyz\r\n`, '400'],
  [get('/', 'Expect: magic'), '417', '200', 'RFC 9110 10.1.1 allows to say so'],
  [get('/movie.mp4', 'Range: bytes=0-0'), '206'],
  [get('/movie.mp4', 'Range: bytes=-5'), '206'],
  [get('/movie.mp4', 'Range: bytes=0-1,5000-'), '206'],
  [get('/movie.mp4', 'Range: bytes=10000-'), '416'],
  [get('/movie.mp4', 'Range: bytes=-0'), '416'],
  [get('/movie.mp4', 'Range: bytes=5-3'), '200', '416', 'RFC 9110 14.1.1: invalid, so ignored'],
  [get('/movie.mp4', 'Range: bytes=a-b'), '200', '416', 'RFC 9110 14.2: invalid, so ignored'],
  [get('/movie.mp4', 'Range: bytes=0-1', 'If-Range: "x"'), '200'],
  ['HEAD /movie.mp4 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n', '200', '206', 'RFC 9110 14.2: Range is for GET'],
  [get('/', 'If-None-Match: *'), '304'],
  [get('/', 'If-Match: "x"'), '412'],
  [get('/', 'If-Match: *'), '200'],
  [get('/', 'If-Unmodified-Since: rubbish'), '200', '412', 'RFC 9110 13.1.4: no date, so ignored'],
  [get('/', 'Accept-Encoding: identity;q=0'), '406', '200', 'RFC 9110 12.5.3, without another form'],
  [NEXT.repeat(3), '200 200 200'],
  [get('/docs/', 'Connection: close') + NEXT, '200'],
];

const skip = nginxVersion() === undefined ? 'nginx is not installed' : false;

t.test('The same requests to nginx: each difference has its reason', { skip }, async (t) => {
  const dir = t.testdir({
    'index.html': '<!doctype html><title>Home</title>',
    'about.html': '<!doctype html><title>About</title>',
    'a b.txt': 'spaces',
    docs: { 'index.html': '<!doctype html><title>Docs</title>' },
  });
  writeFileSync(join(dir, 'movie.mp4'), Buffer.alloc(10000, 7));
  const nginx = await startNginx(`root ${dir}; location / { try_files $uri $uri.html $uri/ =404; }`);
  t.teardown(() => nginx.stop());
  const store = await openStore(dir, { cache: false });
  const network = await openSocketNetwork();
  t.teardown(() => network.close(0));
  const server = new HttpServer({ store: () => store, clock: network.clock });
  const listener = await network.listen(0, server.accept);
  await Promise.all(
    CASES.map(async ([bytes, ours, theirs, reason]) => {
      const methods = [bytes.startsWith('HEAD') ? 'HEAD' : 'GET'];
      const name = JSON.stringify(bytes.slice(0, 70));
      t.equal(await statuses(listener.endpoint.port, bytes, methods), ours, name);
      t.equal(await statuses(nginx.port, bytes, methods), theirs ?? ours, `nginx: ${name} ${reason ?? ''}`);
    }),
  );
});

/** Fields that one of the two sends and the other does not, or with another value, each with the reason. */
const FIELDS: Readonly<Record<string, string>> = {
  'nginx: last-modified': 'a bundle has no honest time: reproducible builds strip them',
  'nginx: server': 'by option here: --server-field',
  'ours: etag': 'on 412 too: so a client learns which one there is',
  'ours: cache-control': 'by policy here: what is not fingerprinted is revalidated',
  'ours: x-content-type-options': 'a security field that a static site can bear',
  'ours: x-frame-options': 'a security field that a static site can bear',
  'ours: referrer-policy': 'a security field that a static site can bear',
  'ours: content-security-policy': 'pages of the server itself load nothing',
  'ours: vary': 'nginx does not say that gzip could have come instead: RFC 9110 12.5.5',
  'ours: allow': 'RFC 9110 15.5.6: 405 must have it',
  'ours: accept-ranges': 'on 416 too, which is about ranges',
  'ours: content-length': 'nginx compresses while it sends, and does not know the length before',
  'nginx: transfer-encoding': 'as above',
  'nginx: content-type': '412 has a page there, and none here',
  'other: etag': 'out of the content here, out of time and size there',
  'other: content-type': 'with the charset here; nginx has its own types in this test',
  'other: content-length': 'another text of the error page, or another coding',
  'other: location': 'nginx puts in the host that it was asked for; RFC 9110 10.2.2 allows a path',
  'other: content-encoding': 'br here, gzip there',
};

t.test('The fields of the answers beside those of nginx: each difference has its reason', { skip }, async (t) => {
  const dir = t.testdir({
    'index.html': `<!doctype html><title>Home</title>${'<p>Hello, reader.</p>'.repeat(100)}`,
    docs: { 'index.html': '<!doctype html><title>Docs</title>' },
  });
  writeFileSync(join(dir, 'movie.mp4'), Buffer.alloc(10000, 7));
  const nginx = await startNginx(`root ${dir}; gzip on; location / { try_files $uri $uri.html $uri/ =404; }`);
  t.teardown(() => nginx.stop());
  const store = await openStore(dir, { cache: false });
  const network = await openSocketNetwork();
  t.teardown(() => network.close(0));
  const server = new HttpServer({ store: () => store, clock: network.clock });
  const { port } = (await network.listen(0, server.accept)).endpoint;
  const close = 'Connection: close';
  const requests = [
    get('/', close),
    get('/', close, 'Accept-Encoding: gzip, br'),
    get('/', close, 'If-None-Match: *'),
    get('/movie.mp4', close),
    get('/movie.mp4', close, 'Range: bytes=0-9'),
    get('/movie.mp4', close, 'Range: bytes=20000-'),
    get('/movie.mp4', close, 'If-Match: "x"'),
    get('/docs', close),
    get('/nothing', close),
    get('/%zz', close),
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ];
  const seen = new Set<string>();
  for (const request of requests) {
    const [ours, theirs] = await Promise.all([fieldsOf(port, request), fieldsOf(nginx.port, request)]);
    for (const [name, value] of ours) {
      const other = theirs.get(name);
      const difference =
        other === undefined ? `ours: ${name}` : other !== value && name !== 'date' ? `other: ${name}` : undefined;
      if (difference === undefined) continue;
      seen.add(difference);
      t.ok(FIELDS[difference], `${difference}: ${value} and ${other} for ${JSON.stringify(request.slice(0, 60))}`);
    }
    for (const [name, value] of theirs) {
      if (ours.has(name)) continue;
      seen.add(`nginx: ${name}`);
      t.ok(FIELDS[`nginx: ${name}`], `nginx: ${name}: ${value} for ${JSON.stringify(request.slice(0, 60))}`);
    }
  }
  t.same(
    Object.keys(FIELDS).filter((one) => !seen.has(one)),
    [],
    'no reason is left over',
  );
});
