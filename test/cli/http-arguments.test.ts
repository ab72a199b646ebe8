import t from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import type { BundleOptions } from '../../src/cli/arguments/bundle.js';
import type { HttpArguments } from '../../src/serve/options/http.js';

function http(...args: string[]): HttpArguments {
  const task = parseArguments(args);
  if (task?.kind !== 'serve') throw new Error('not serving');
  return task.http;
}

t.test('Pages about the server are off, at their usual path, or at another', async (t) => {
  const off = { metrics: undefined, health: undefined, status: undefined, listen: undefined, admins: undefined };
  t.same(http().admin, off);
  t.match(http('--metrics', '--health', '--status').admin, {
    status: '/status',
    metrics: '/metrics',
    health: '/health',
  });
  t.equal(http('--metrics', '--admin-path', '/internal/', '_site').admin.metrics, '/internal/metrics');
  t.throws(() => http('--admin-path', 'numbers'), { message: /looks like \/docs/ });
});

t.test('They are on a listener of their own: on loopback, or where --admin-listen says', async (t) => {
  const { admin } = http('--status');
  t.match(admin, { listen: { host: '127.0.0.1', port: 9090 }, admins: undefined, metrics: undefined });
  const all = { metrics: '/metrics', health: '/health', status: '/status' };
  t.match(http('--admin-listen', '[::1]:19090').admin, { listen: { host: '::1', port: 19090 }, ...all });
  t.match(http('--admin-listen', 'unix:run/admin.sock').admin, { listen: { path: 'run/admin.sock' }, ...all });
  t.match(http('--admin-listen', '/run/admin.sock', '--health').admin, {
    listen: { path: '/run/admin.sock' },
    health: '/health',
    metrics: undefined,
  });
  for (const wrong of ['9090', 'localhost:9090', '127.0.0.1', '127.0.0.1:70000', '::1:9090', 'unix:', '300.0.0.1:1'])
    t.throws(() => http('--admin-listen', wrong), { message: /looks like 127\.0\.0\.1:9090/ }, wrong);
});

t.test('--admin says who may see them on the port of the site, where nobody may without it', async (t) => {
  t.match(http('--metrics', '--admin', '127.0.0.1').admin, { metrics: '/metrics', listen: undefined });
  const listed = http('--admin', '10.0.0.0/8,192.0.2.7,2001:db8::/32').admin.admins!;
  t.same(['10.1.2.3', '192.0.2.7', '192.0.2.8', '127.0.0.1', '2001:db8::5', '2001:db9::5'].map(listed), [
    true,
    true,
    false,
    false,
    true,
    false,
  ]);
  for (const wrong of ['localhost', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0/8', '::/129']) {
    t.throws(() => http('--admin', wrong), { message: /neither an address nor a network/ }, wrong);
  }
});

t.test('Several sites, each for its host', async (t) => {
  const { siteFor } = http('--site-for', 'Blog.example=_blog', '--site-for', 'docs.example=docs.bundle');
  t.same(
    [...siteFor],
    [
      ['blog.example', '_blog'],
      ['docs.example', 'docs.bundle'],
    ],
  );
  for (const wrong of ['blog', '=x', 'blog=', 'a b=x']) {
    t.throws(() => http('--site-for', wrong), { message: /look like/ }, wrong);
  }
  t.throws(() => http('--site-for', 'a=x', '--site-for', 'A=y'), { message: /a has a site already/ });
});

t.test('A base path, a Server field and limits', async (t) => {
  t.equal(http('--base', '/docs/').base, '/docs');
  t.throws(() => http('--base', 'docs'), { message: /looks like \/docs/ });
  t.equal(http('--server-field', 'sitekernel').serverField, 'sitekernel');
  t.equal(http().http2, true);
  t.equal(http('--no-http2').http2, false);
  t.throws(() => http('--server-field', 'a\r\nb'), { message: /visible ASCII/ });
  t.match(http('--max-connections', '5', '--max-per-client', '2', '--idle', '7'), {
    maxConnections: 5,
    maxPerClient: 2,
    idle: 7000,
  });
  t.throws(() => http('--idle', 'x'), { message: /--idle is a number of 0 to 2147483/ });
});

t.test('Options that say how sites are read arrive at the server', async (t) => {
  const usual = { spa: false, hidden: false, mime: {}, listing: false, metaRefresh: false, languages: [] };
  const served = {
    watch: false,
    liveReload: false,
    keepAssets: 86_400_000,
    canonical: undefined,
    servedAt: undefined,
    strict: false,
    mtime: 'none' as const,
    follow: [],
  };
  t.same(http().site, { ...usual, ...served, preload: undefined, security: true, immutable: [] });
  t.equal(http('--watch').site.watch, true);
  t.same(http('--mime', '.Foo=text/x-foo', '--mime', 'bar=text/bar; charset=utf-8').site.mime, {
    foo: 'text/x-foo',
    bar: 'text/bar; charset=utf-8',
  });
  for (const wrong of ['foo', 'foo=', '=text/x', 'foo=text', 'foo=text/x\r\nY: z']) {
    t.throws(() => http('--mime', wrong), { message: /look like foo=text\/x-foo/ }, wrong);
  }
});

t.test('Where requests are redirected is an origin, a scheme, or the host in CNAME', async (t) => {
  t.equal(http('--redirect-to', 'https://Example.org/').redirectTo, 'https://example.org');
  t.equal(http('--redirect-to', 'https').redirectTo, 'https');
  for (const wrong of ['example.org', 'ftp://a', 'https://a/b', 'https://a b'])
    t.throws(() => http('--redirect-to', wrong), { message: /An origin looks like/ }, wrong);
  t.equal(http('--canonical-host', 'CNAME').site.canonical, 'http://CNAME');
  t.equal(http('--canonical-host', 'https://CNAME').site.canonical, 'https://CNAME');
  t.equal(http('--canonical-host', 'Example.org:8080').site.canonical, 'http://example.org:8080');
  t.throws(() => http('--canonical-host', '//a'), { message: /A host looks like/ });
  t.throws(() => http('--canonical-host', 'a', '--redirect-to', 'https'), { message: /leave --canonical-host out/ });
});

t.test('How a site is read is said alike to serve a directory and to bundle it', async (t) => {
  const args = [
    '--spa',
    '--hidden',
    '--mime',
    'foo=text/x-foo',
    '--listing',
    '--meta-refresh',
    '--languages',
    'en, pt-BR',
  ];
  args.push('--preload', 'early-hints', '--no-security-fields', '--immutable', '/lib/*', '--immutable', '/v/*');
  const wanted = {
    ...{ spa: true, hidden: true, mime: { foo: 'text/x-foo' }, listing: true, metaRefresh: true },
    ...{ languages: ['en', 'pt-BR'], preload: 'early-hints', security: false, immutable: ['/lib/*', '/v/*'] },
  };
  t.match(http(...args).site, wanted);
  t.same((parseArguments(['bundle', ...args, 'd', '-o', 'f']) as BundleOptions).site, wanted);
  t.throws(() => http('--languages', 'en,deutsch!'), { message: /"deutsch!" is not a language tag/ });
  t.throws(() => http('--preload', 'all'), { message: /link or early-hints/ });
  t.throws(() => http('--live-reload'), { message: /--live-reload is for --watch/ });
});
