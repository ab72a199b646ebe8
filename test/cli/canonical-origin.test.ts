import t from 'tap';
import { canonicalOrigin } from '../../src/serve/canonical-origin.js';
import { storeOf } from '../store/tree.js';

t.test('The host is taken from CNAME; what is no host there is one sentence', async (t) => {
  const store = await storeOf(t, { 'index.html': 'x', CNAME: 'Example.org\n' });
  t.equal(canonicalOrigin('https://CNAME', store, '_site'), 'https://example.org');
  t.equal(canonicalOrigin('http://a.example', store, '_site'), 'http://a.example');
  const without = await storeOf(t, { 'index.html': 'x' });
  t.throws(() => canonicalOrigin('http://CNAME', without, '_site'), { message: /^_site has no file CNAME/ });
  for (const text of ['', 'a b', 'a\nb', 'https://a', 'a/b', 'a:80']) {
    const wrong = await storeOf(t, { 'index.html': 'x', CNAME: text });
    t.throws(
      () => canonicalOrigin('http://CNAME', wrong, '_site'),
      { message: /^_site\/CNAME:1: .* is not one host/ },
      text,
    );
  }
});
