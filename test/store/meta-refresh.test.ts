import t from 'tap';
import { refreshOf } from '../../src/store/html/meta-refresh.js';
import { outcome, storeOf } from './tree.js';

const refresh = (to: string): string =>
  `<!doctype html><meta charset=utf-8><meta http-equiv="refresh" content="0; url=${to}"><p>moved`;

t.test('pages that are nothing but a meta refresh are redirects, by option', async (t) => {
  const files = {
    'index.html': 'home',
    'page/1/index.html': refresh('/'),
    'old.html': refresh('new.html?a=b&amp;c=d#e'),
    'away.html': refresh('https://example.com/x'),
    'self.html': refresh('/self'),
    'slow.html': refresh('/').replace('0;', '30;'),
    'evil.html': refresh('//evil.example/'),
  };
  const plain = await storeOf(t, files);
  t.equal(outcome(plain, '/page/1/'), '200 /page/1/index.html');
  const store = await storeOf(t, files, { metaRefresh: true });
  t.equal(outcome(store, '/page/1/'), '301 /');
  t.equal(outcome(store, '/page/1/index.html'), '301 /');
  t.equal(outcome(store, '/old'), '301 /new.html?a=b&c=d#e');
  t.equal(outcome(store, '/away'), '301 https://example.com/x');
  t.equal(outcome(store, '/self'), '200 /self.html');
  t.equal(outcome(store, '/slow'), '200 /slow.html');
  t.equal(outcome(store, '/evil'), '301 http://evil.example/', 'where the page itself sends to');
});

t.test('what is no refresh is none', (t) => {
  t.equal(refreshOf('/a.html', '<p>x'), undefined);
  t.equal(refreshOf('/a.html', '<!-- <meta http-equiv=refresh content="0;url=/b"> -->'), undefined);
  t.equal(refreshOf('/a.html', '<meta http-equiv=refresh content="5">'), undefined);
  t.equal(refreshOf('/a.html', '<meta http-equiv=refresh content="0;url=javascript:alert(1)">'), undefined);
  t.equal(refreshOf('/d/a.html', "<META HTTP-EQUIV='Refresh' content='0;URL=b.html'>"), '/d/b.html');
  t.end();
});
