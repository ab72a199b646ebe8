import t from 'tap';
import { fields, identity, lookup, outcome, resource, storeOf } from './tree.js';

const files = {
  'index.en.html': 'Home',
  'index.de.html': 'Start',
  'about.html': 'About',
  'about.de.html': 'Über',
  'about.min.html': 'no translation',
  'docs/404.en.html': 'Nothing',
  'docs/404.de.html': 'Nichts',
  'script.de.js': '1',
};

t.test('page.en.html and page.de.html are one page at the paths of page.html', async (t) => {
  const store = await storeOf(t, files, { languages: ['en', 'de'] });
  for (const path of ['/', '/index.html', '/about', '/about.html']) {
    const found = resource(store, path);
    t.same(
      found.languages?.map((one) => one.language),
      ['en', 'de'],
      path,
    );
    for (const one of found.languages!) {
      const head = fields(identity(one).headOk);
      t.equal(head.get('content-language'), one.language);
      t.equal(head.get('vary'), 'Accept-Language');
      t.equal(fields(identity(one).headNotModified).get('vary'), 'Accept-Language');
    }
  }
  t.equal(
    resource(store, '/about').languages![0]!.path,
    '/about.html',
    'a page without a tag is in the first language',
  );
  t.equal(outcome(store, '/about.de'), '200 /about.de.html');
  t.equal(resource(store, '/about.de').languages, undefined);
  t.equal(resource(store, '/about.min').language, undefined);
  t.equal(outcome(store, '/script.js'), '404');
  t.equal(outcome(store, '/about/'), '301 /about');
  t.equal(outcome(store, '/ABOUT'), '301 /about');
});

t.test('the nearest 404 page has languages, too', async (t) => {
  const store = await storeOf(t, files, { languages: ['en', 'de'] });
  const found = lookup(store, '/docs/none');
  t.equal(found.kind, 'missing');
  t.same(
    resource(store, '/docs/none').languages?.map((one) => one.path),
    ['/docs/404.en.html', '/docs/404.de.html'],
  );
});

t.test('rules about fields hold for translations by the path asked for and by the file', async (t) => {
  const rules = { _headers: '/about\n  X-Asked: yes\n/*.de.html\n  X-German: ja' };
  const store = await storeOf(t, { ...files, ...rules }, { languages: ['en', 'de'] });
  const [english, german] = resource(store, '/about').languages!;
  t.equal(fields(identity(english!).headOk).get('x-asked'), 'yes');
  t.equal(fields(identity(english!).headOk).get('x-german'), undefined);
  t.equal(fields(identity(german!).headOk).get('x-german'), 'ja');
});

t.test('a rewrite leads to translations, too', async (t) => {
  const store = await storeOf(
    t,
    { ...files, _redirects: '/a /about 200\n/x/* /about 200' },
    { languages: ['en', 'de'] },
  );
  t.same(resource(store, '/a').languages?.length, 2);
  t.same(resource(store, '/x/y').languages?.length, 2);
});

t.test('without the option, and for what is no tag, there is a word', async (t) => {
  t.equal(outcome(await storeOf(t, files), '/'), '404');
  await t.rejects(storeOf(t, files, { languages: ['english!'] }), { message: /"english!" is not a language tag/ });
  await t.rejects(storeOf(t, files, { languages: ['en', 'EN'] }), { message: /EN stands there twice/ });
});
