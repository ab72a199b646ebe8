import t from 'tap';
import { request, Setup } from './setup.js';

/** What a target is looked up as; the status when it is refused. */
function lookup(target: string): string | number {
  const setup = new Setup();
  const answer = setup.ask(Buffer.from(request('GET', target)).toString('latin1'));
  const [path] = setup.store.lookups;
  return answer.status === 400 ? 400 : (path ?? answer.status);
}

t.test('RFC 3986 2.1: percent-encoding is decoded once', async (t) => {
  t.equal(lookup('/%64ocs/'), '/docs/');
  t.equal(lookup('/a%20b+c'), '/a b+c');
  t.equal(lookup('/%2564ocs'), '/%64ocs');
  t.equal(lookup('/%3Fq'), '/?q');
  t.equal(lookup('/%23f?q'), '/#f');
  t.equal(lookup('/%C3%A9t%c3%a9.txt'), '/été.txt');
  t.equal(new Setup().get('/%C3%A9t%c3%a9.txt').text, 'summer');
});

t.test('Broken escapes, controls, NUL and backslashes are 400', async (t) => {
  for (const target of [
    '/%',
    '/%4',
    '/%zz',
    '/%4g',
    '/a%00',
    '/%00',
    '/%0d%0aX: y',
    '/%1f',
    '/%7f',
    '/a\\b',
    '/..\\..\\etc',
  ]) {
    t.equal(lookup(target), 400, target);
  }
});

t.test('RFC 3629 3: octets that are not UTF-8 are 400', async (t) => {
  for (const target of [
    '/%c0%ae%c0%ae/',
    '/%c0%af',
    '/%e0%80%af',
    '/%f0%80%80%af',
    '/%ed%a0%80',
    '/%f4%90%80%80',
    '/%ff',
    '/%c3',
    '/%80',
    '/%c3%28',
  ]) {
    t.equal(lookup(target), 400, target);
  }
  t.equal(lookup('/%f0%9f%98%80'), '/😀');
  t.equal(lookup('/%ef%bf%bd'), '/\ufffd');
});

t.test('RFC 3986 5.2.4: dot segments are taken out, encoded or not, and never leave the root', async (t) => {
  const cases: Record<string, string> = {
    '/./docs/': '/docs/',
    '/docs/.': '/docs/',
    '/docs/..': '/',
    '/docs/../docs/': '/docs/',
    '/a/b/../../docs/': '/docs/',
    '/../../../etc/passwd': '/etc/passwd',
    '/%2e%2e/%2E%2e/etc/passwd': '/etc/passwd',
    '/docs/.%2e/': '/',
    '/..': '/',
    '/.': '/',
    '/a/...': '/a/...',
    '/.well-known/security.txt': '/.well-known/security.txt',
    '/a/..b/.c': '/a/..b/.c',
    '/..%3f': '/..?',
  };
  for (const [target, path] of Object.entries(cases)) t.equal(lookup(target), path, target);
});

t.test('Several slashes are one', async (t) => {
  t.equal(lookup('//'), '/');
  t.equal(lookup('//docs//'), '/docs/');
  t.equal(lookup('///evil.example/..'), '/');
  t.equal(lookup('/a//../b'), '/b');
});

t.test('RFC 3986 2.2: an encoded slash separates nothing, and finds nothing', async (t) => {
  for (const target of ['/docs%2f', '/docs%2Findex.html', '/%2fdocs/', '/%2e%2e%2fetc', '/a%2f..%2fdocs/']) {
    t.equal(new Setup().get(target).status, 404, target);
    t.match(String(lookup(target)), '\x00', target);
  }
  t.equal(lookup('/x%2f/../docs/'), '/docs/', 'the segment that holds it is one');
});

t.test('The query takes no part in the look-up', async (t) => {
  t.equal(lookup('/docs/?/../../x%zz'), '/docs/');
  t.equal(lookup('/?'), '/');
  t.equal(lookup('/docs/?a?b=//'), '/docs/');
});
