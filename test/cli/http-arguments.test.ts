import t from 'tap';
import { parseArguments } from '../../src/cli/arguments.js';
import type { HttpArguments } from '../../src/cli/http-arguments.js';

function http(...args: string[]): HttpArguments {
  const task = parseArguments(args);
  if (task?.kind !== 'serve') throw new Error('not serving');
  return task.http;
}

t.test('Pages about the server are off, at their usual path, or at another', async (t) => {
  t.same([http().metrics, http().health, http().status], [undefined, undefined, undefined]);
  t.same(http('--metrics', '--health', '--status').status, '/status');
  t.equal(http('--metrics', '--admin-path', '/internal/', '_site').metrics, '/internal/metrics');
  t.throws(() => http('--admin-path', 'numbers'), { message: /looks like \/docs/ });
});

t.test('--admin says who may see them: loopback, or what is listed', async (t) => {
  const usual = http().admins;
  t.same(['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '2001:db8::1'].map(usual), [true, true, true, false, false]);
  const listed = http('--admin', '10.0.0.0/8,192.0.2.7,2001:db8::/32').admins;
  t.same(['10.1.2.3', '192.0.2.7', '192.0.2.8', '127.0.0.1', '2001:db8::5', '2001:db9::5'].map(listed), [
    true,
    true,
    false,
    false,
    true,
    false,
  ]);
  for (const wrong of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0/8', '::/129']) {
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
  t.throws(() => http('--server-field', 'a\r\nb'), { message: /visible ASCII/ });
  t.match(http('--max-connections', '5', '--max-per-client', '2', '--idle', '7'), {
    maxConnections: 5,
    maxPerClient: 2,
    idle: 7000,
  });
  t.throws(() => http('--idle', 'x'), { message: /whole number/ });
});

t.test('How sites are read', async (t) => {
  t.same(http().site, { spa: false, hidden: false, watch: false, mime: {} });
  t.same(
    http('--spa', '--hidden', '--watch', '--mime', '.Foo=text/x-foo', '--mime', 'bar=text/bar; charset=utf-8').site,
    {
      spa: true,
      hidden: true,
      watch: true,
      mime: { foo: 'text/x-foo', bar: 'text/bar; charset=utf-8' },
    },
  );
  for (const wrong of ['foo', 'foo=', '=text/x', 'foo=text', 'foo=text/x\r\nY: z']) {
    t.throws(() => http('--mime', wrong), { message: /look like foo=text\/x-foo/ }, wrong);
  }
});
