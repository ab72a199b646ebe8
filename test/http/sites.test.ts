import t from 'tap';
import { HandMadeStore } from './hand-made-store.js';
import { request, Setup } from './setup.js';

const type = 'text/html; charset=utf-8';
const one = new HandMadeStore({ '/index.html': { type, content: 'one' } });
const two = new HandMadeStore({ '/index.html': { type, content: 'two' } });

t.test('Each host gets its own site, whatever its case, port and final dot; every other the first', async (t) => {
  const setup = new Setup({ store: () => one, hosts: { 'two.example': () => two, '[::1]': () => two } });
  const body = (host: string, target = '/'): string =>
    setup.ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).text;
  for (const host of [
    'two.example',
    'TWO.example',
    'two.example:8080',
    'two.example.',
    'two.example.:80',
    '[::1]:80',
  ]) {
    t.equal(body(host), 'two', host);
  }
  for (const host of ['one.example', '', 'two.example.org', 'xtwo.example', '[::2]']) t.equal(body(host), 'one', host);
  t.equal(body('one.example', 'http://two.example:80/'), 'two', 'RFC 9112 3.2.2: the target beats the field');
  t.equal(setup.ask('GET / HTTP/1.0\r\n\r\n').text, 'one');
});

t.test('Below a base path lies the site, and nothing outside', async (t) => {
  const setup = new Setup({ base: '/my/site' });
  const status = (path: string): number => setup.get(path).status;
  t.equal(status('/my/site/'), 200);
  t.equal(status('/my/%73ite/docs/'), 200);
  t.equal(status('/my//site/../site/docs/'), 200);
  for (const path of ['/', '/docs/', '/my', '/my/', '/my/sites/', '/my/site/../', '/my/site%2fdocs/']) {
    t.equal(status(path), 404, path);
  }
  t.equal(setup.get('/my/site?q').fields.get('location'), '/my/site/?q');
  t.equal(setup.get('/my/site/docs').fields.get('location'), '/my/site/docs/');
  t.equal(setup.ask(request('HEAD', '/my/site/nothing')).status, 404);
});

t.test('A base path or host that is none is refused with a sentence', async (t) => {
  for (const base of ['docs', '/docs/', '/', '/a b', '/a//b', '/..', '/./a']) {
    t.throws(() => new Setup({ base }), { message: /^base: a path like \/docs expected/ }, base);
  }
  for (const host of ['Two.example', 'two.example:80', 'a/b', '']) {
    t.throws(() => new Setup({ hosts: { [host]: () => two } }), { message: /^host: a name in small letters/ }, host);
  }
});

t.test('Options out of range are refused with a sentence', async (t) => {
  t.throws(() => new Setup({ limits: { head: -1 } }), { message: 'head: 0 to 2147483647 expected, got -1' });
  t.throws(() => new Setup({ timeouts: { idle: Number.NaN } }), { message: 'idle: 0 to 2147483647 expected, got NaN' });
  t.throws(() => new Setup({ serverField: 'a\r\nb' }), { message: /^Server field: visible ASCII expected/ });
});

t.test('The Server field is sent on every answer when it is asked for', async (t) => {
  const setup = new Setup({ serverField: 'sitekernel' });
  t.equal(setup.get('/').fields.get('server'), 'sitekernel');
  t.equal(setup.ask('NONSENSE\r\n').fields.get('server'), 'sitekernel');
  t.equal(new Setup().get('/').fields.has('server'), false);
});
