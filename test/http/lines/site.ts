/** A site with one of everything, as files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PARAGRAPHS = '<p>Hello, reader of pages.</p>\n'.repeat(60);

export const MOVIE = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7) & 0xff);

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'index.html': `<!doctype html><html><head><title>Home</title><link rel=stylesheet href="style.3f2a9c1b7e.css?h=1"><script src=app.js></script></head><body>${PARAGRAPHS}</body></html>`,
  'about.html': '<!doctype html><title>About</title>',
  '404.html': '<!doctype html><title>Nothing here</title>',
  'docs/index.html': '<!doctype html><title>Docs</title>',
  'docs/404.html': '<!doctype html><title>No such document</title>',
  'docs/Guide.html': '<!doctype html><title>Guide</title>',
  'blog/2024/03/first-post/index.html': '<!doctype html><title>First post</title>',
  'old/index.html': '<!doctype html><meta http-equiv="refresh" content="0; url=/docs/"><title>Moved</title>',
  'team.en.html': '<!doctype html><title>The team</title>',
  'team.de.html': '<!doctype html><title>Die Mannschaft</title>',
  'files/a.txt': 'a file in a directory without a page',
  'hidden.txt': 'hidden file',
  'a b.txt': 'spaces',
  'été.txt': 'summer',
  'movie.mp4': MOVIE,
  'empty.css': '',
  'style.3f2a9c1b7e.css': `body{color:red}${'/* nothing */'.repeat(50)}`,
  'app.js': 'export {};',
  'sw.js': 'self.skipWaiting();',
  'feed.xml': '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>',
  'news.xml': '<?xml version="1.0"?><rss version="2.0"></rss>',
  'data.foo': 'a type of its own',
  CNAME: 'example.org\n',
  '.well-known/security.txt': 'Contact: mailto:a@example.org',
  _headers: [
    '# Cloudflare and Netlify syntax',
    '/*',
    '  X-Everywhere: yes',
    '  Strict-Transport-Security: max-age=63072000',
    '/*.txt',
    '  Cache-Control: public, max-age=604800',
    '/docs/*',
    '  X-Document: :splat',
    '/about',
    '  X-Asked: about',
  ].join('\n'),
  _redirects: [
    '/moved /docs/ 301',
    '/news/* /blog/:splat 302',
    '/y/:year/:slug /blog/:year/03/:slug/ 308',
    '/gone /404.html 410',
    '/alias/* /docs/:splat 200',
    '/out/* https://other.example/:splat 302',
    '/anything/* /:splat 301',
  ].join('\n'),
};

export function writeSite(dir: string): void {
  for (const [path, content] of Object.entries(FILES)) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
