import t, { type Test } from 'tap';
import { fields, identity, resource, storeOf, text } from './tree.js';

async function linkOf(
  t: Test,
  head: string,
  more: Record<string, string> = {},
  servedAt?: string,
): Promise<string | undefined> {
  const files = { 'a.css': 'a', 'b.js': 'b', 'f.woff2': 'f', 'docs/c.css': 'c', ...more };
  const html = `<!doctype html><html><head>${head}</head><body><script src="/b.js"></script></body></html>`;
  const store = await storeOf(t, { ...files, 'docs/index.html': html }, { preload: 'link', servedAt });
  t.equal(resource(store, '/docs/').hints, undefined);
  return fields(identity(resource(store, '/docs/')).headOk).get('link');
}

t.test('what stands in the head of a page and is in the site is named in Link', async (t) => {
  const cases: Readonly<Record<string, string | undefined>> = {
    '<link rel=stylesheet href="/a.css">': '</a.css>; rel=preload; as=style',
    '<link rel="stylesheet" href=c.css>': '</docs/c.css>; rel=preload; as=style',
    '<link rel=stylesheet href="../a.css?v=1&amp;w=2">': '</a.css?v=1&w=2>; rel=preload; as=style',
    '<base href="/"><link rel=stylesheet href="a.css">': '</a.css>; rel=preload; as=style',
    '<script src="/b.js"></script>': '</b.js>; rel=preload; as=script',
    '<script type="module" src="/b.js"></script>': '</b.js>; rel=modulepreload',
    '<link rel=preload as=font href="/f.woff2" crossorigin>': '</f.woff2>; rel=preload; as=font; crossorigin',
    '<script src="/b.js" crossorigin="use-credentials"></script>':
      '</b.js>; rel=preload; as=script; crossorigin=use-credentials',
    '<script src="/b.js" integrity="sha256-x"></script>': undefined,
    '<script nomodule src="/b.js"></script>': undefined,
    '<link rel="alternate stylesheet" href="/a.css">': undefined,
    '<link rel=stylesheet media=print href="/a.css">': undefined,
    '<link rel=stylesheet href="https://other.example/a.css">': undefined,
    '<link rel=stylesheet href="/none.css">': undefined,
    '<!-- <link rel=stylesheet href="/a.css"> -->': undefined,
    '<noscript><link rel=stylesheet href="/a.css"></noscript>': undefined,
    '<link rel=stylesheet href="//a.css">': undefined,
    '<link rel=stylesheet href="/a.css"><link rel=stylesheet href="/a.css">': '</a.css>; rel=preload; as=style',
  };
  for (const [head, link] of Object.entries(cases)) t.equal(await linkOf(t, head), link, head);
});

t.test('no more than eight are named, and quotes cannot break out of the field', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => [`s${i}.css`, `${i}`] as const);
  const link = await linkOf(
    t,
    many.map(([name]) => `<link rel=stylesheet href="/${name}">`).join(''),
    Object.fromEntries(many),
  );
  t.equal(link?.split(', ').length, 8);
  const odd = await linkOf(t, '<link rel=stylesheet href="/o&gt;%22%0d%0aX: y.css">', { 'o>"x.css': 'odd' });
  t.equal(odd, undefined);
});

t.test('a Link of the site stands behind it, and rules that are decided late keep it', async (t) => {
  const files = {
    'a.css': 'a',
    'page.html': '<link rel=stylesheet href="/a.css"><title>Page</title>',
    _headers: '/page\n  Link: </x>; rel=author\n/late/*\n  X-Late: yes',
    _redirects: '/late/* /page 200',
  };
  const store = await storeOf(t, files, { preload: 'early-hints' });
  const own = '</a.css>; rel=preload; as=style';
  t.equal(fields(identity(resource(store, '/page')).headOk).get('link'), `${own}, </x>; rel=author`);
  const late = resource(store, '/late/x');
  t.equal(fields(identity(late).headOk).get('link'), own);
  t.equal(fields(identity(late).headOk).get('x-late'), 'yes');
  t.match(text(late.hints!), /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload; as=style.*\r\n\r\n$/);
});

t.test('what no browser fetches is not named', async (t) => {
  const style = '</a.css>; rel=preload; as=style';
  const script = '</b.js>; rel=preload; as=script';
  const cases: Readonly<Record<string, string | undefined>> = {
    '<link rel=stylesheet href="/a.css" disabled>': undefined,
    '<link rel=stylesheet href="/a.css" type="text/x-less">': undefined,
    '<link rel=stylesheet href="/a.css" type="text/css; charset=utf-8">': style,
    '<link rel=stylesheet href="/a.css" type="">': style,
    '<link rel="STYLESHEET" href="/a.css" media="ALL">': style,
    '<script type="text/plain" src="/b.js"></script>': undefined,
    '<script type="application/json" src="/b.js"></script>': undefined,
    '<script type="importmap" src="/b.js"></script>': undefined,
    '<script type="text/template" src="/b.js"></script>': undefined,
    '<script type=" " src="/b.js"></script>': undefined,
    '<script language="vbscript" src="/b.js"></script>': undefined,
    '<script type="" src="/b.js"></script>': script,
    '<script type="application/x-javascript" src="/b.js"></script>': script,
    '<script language="JavaScript" src="/b.js"></script>': script,
    '<template><link rel=stylesheet href="/a.css"></template>': undefined,
    '<style><link rel=stylesheet href="/a.css"></style>': undefined,
    '<script>"<link rel=stylesheet href=/a.css>"</script>': undefined,
    '<title><link rel=stylesheet href="/a.css"></title>': undefined,
    '<p><link rel=stylesheet href="/a.css">': undefined,
    '<link rel=preload as=image href="/f.woff2" imagesrcset="/g.woff2 2x">': undefined,
  };
  for (const [head, link] of Object.entries(cases)) t.equal(await linkOf(t, head), link, head);
});

t.test('below a base, what is named begins with it', async (t) => {
  const named = (head: string): Promise<string | undefined> => linkOf(t, head, {}, '/base');
  t.equal(await named('<link rel=stylesheet href="c.css">'), '</base/docs/c.css>; rel=preload; as=style');
  t.equal(await named('<link rel=stylesheet href="/base/a.css">'), '</base/a.css>; rel=preload; as=style');
  t.equal(await named('<link rel=stylesheet href="/a.css">'), undefined, 'that is no file of this site');
});
