/**
 * A directory is served whole with nothing but its path given, whatever lies in it. `bench/whole-tree.ts` asks for each
 * file and compares by hash; here for small trees, by hand for large ones.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { tree } from './tree.js';

const CHECK = resolve('build', 'bench', 'whole-tree.js');
const skip = !existsSync(join('dist', 'main.js')) && 'npm run build makes what this serves';

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

async function check(dir: string): Promise<string> {
  const args = [CHECK, '--port', String(await freePort()), dir];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

t.test('a site that Jekyll made is served file by file as it is', { skip }, async (t) => {
  t.match(await check('site/_site'), /: (\d+) of \1 files are served as they are/);
});

t.test('a tree with what a packager, a wiki and a build leave in it is served as it is', { skip }, async (t) => {
  const pages = Array.from({ length: 400 }, (_, i) => [`Deep/Folder ${i % 7}/Page%20${i}.html`, `<p>page ${i}</p>`]);
  const dir = tree(t, {
    ...Object.fromEntries(pages),
    'index.html': 'home',
    'a:b/c*d?.txt': 'x',
    'ÄÖÜ/naïve — page.html': 'x',
    'same.HTML': 'one',
    'SAME.html': 'another',
    'empty.css': '',
    'data.json.gz': 'no gzip at all',
    'about.html': 'file',
    'about/index.html': 'folder',
  });
  symlinkSync('nowhere', join(dir, 'dangling.js'));
  symlinkSync('loop', join(dir, 'loop'));
  symlinkSync('/etc', join(dir, 'outside'));
  symlinkSync('index.html', join(dir, 'inside.html'));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xfc, 0x72])]), 'not UTF-8');
  if (process.platform === 'linux') execFileSync('mkfifo', [join(dir, 'pipe')]);
  t.match(await check(dir), /: 410 of 410 files are served as they are/);
});
