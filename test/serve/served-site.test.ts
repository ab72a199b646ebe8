/** Which version of a site is served, when several of its sources have one to offer. */
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Log } from '../../src/serve/log.js';
import type { ServedArguments } from '../../src/serve/options/http.js';
import { ServedSite } from '../../src/serve/served-site.js';
import { identity, resource, text, tree } from '../store/tree.js';

const OPTIONS: ServedArguments = {
  ...{ spa: false, hidden: false, mime: {}, listing: false, metaRefresh: false, languages: [], preload: undefined },
  ...{ security: true, immutable: [], strict: false, follow: [], mtime: 'none', watch: false, liveReload: false },
  ...{ keepAssets: 0, canonical: undefined, servedAt: undefined },
};

/** Everything is compressed in the background, and each version is published at once. */
const SLOWLY = { cache: false, atOnce: 0, interval: 1 };

/** Lines of a log, of which some can be waited for. */
class Lines {
  readonly all: string[] = [];
  private wake: () => void = () => undefined;
  readonly log = new Log({ channels: new Set(), json: false, common: false }, (lines) => {
    this.all.push(lines);
    this.wake();
  });

  count(what: string): number {
    return this.all.join('').split(what).length - 1;
  }

  async has(what: string, times = 1): Promise<void> {
    while (this.count(what) < times) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

function pages(word: string): Record<string, string> {
  const page = `<!doctype html><title>${word}</title>${`<p>${word}</p>`.repeat(200)}`;
  return { 'index.html': page, 'a.html': page.replace('title', 'title lang=en'), CNAME: 'example.org\n' };
}

async function opened(t: Test, options: Partial<ServedArguments>) {
  const dir = tree(t, pages('first'));
  const lines = new Lines();
  const site = await ServedSite.open(dir, { ...OPTIONS, ...SLOWLY, ...options }, lines.log);
  t.teardown(() => site.close());
  const home = (): string => /<p>(\w+)/.exec(text(identity(resource(site.store(), '/')).body))![1]!;
  const write = (word: string): void => {
    for (const [name, content] of Object.entries(pages(word))) writeFileSync(join(dir, name), content);
  };
  return { dir, site, lines, home, write };
}

function codings(site: ServedSite): number {
  return resource(site.store(), '/').representations.length;
}

t.test('a version that was refused is not served when it is compressed, either', async (t) => {
  const { dir, site, lines, home, write } = await opened(t, { canonical: 'http://CNAME' });
  await lines.has('all is compressed');
  write('second');
  rmSync(join(dir, 'CNAME'));
  await site.reload();
  t.equal(lines.count('has no file CNAME'), 1);
  t.equal(lines.count('compressed in the background'), 1, 'no work is begun for it');
  t.equal(home(), 'first');
});

t.test('what is served is compressed to its end, whatever becomes of the next version', async (t) => {
  const { dir, site, lines, home, write } = await opened(t, {});
  write('second');
  writeFileSync(join(dir, '_redirects'), 'nonsense!');
  await site.reload();
  t.equal(lines.count('nonsense! leads nowhere'), 1);
  await lines.has('all is compressed');
  t.equal(home(), 'first');
  t.ok(codings(site) > 1);
});

t.test('a bundle in the place of the directory stays: the work on the directory ends', async (t) => {
  const { dir, site, lines, home } = await opened(t, {});
  const { bundleDirectory } = await import('../../src/store/index.js');
  const next = tree(t, pages('second'));
  const bundle = join(t.testdir({}), 'bundle');
  await bundleDirectory(next, bundle, { cache: false, compression: 'none' });
  renameSync(dir, `${dir}.old`);
  t.teardown(() => rmSync(`${dir}.old`, { recursive: true }));
  renameSync(bundle, dir);
  await site.reload();
  t.equal(home(), 'second');
  // Work of the same size, begun later, is done: that of the directory would be, too.
  const { lines: others } = await opened(t, {});
  await others.has('all is compressed');
  t.equal(lines.count('all is compressed'), 0);
  t.equal(home(), 'second');
});

t.test(
  'a directory in the place of the bundle is refused: a sealed server has no threads to compress it',
  async (t) => {
    const folder = t.testdir({});
    const { bundleDirectory } = await import('../../src/store/index.js');
    const path = join(folder, 'site');
    const next = tree(t, pages('second'));
    await bundleDirectory(tree(t, pages('first')), path, { cache: false, compression: 'none' });
    const lines = new Lines();
    const site = await ServedSite.open(path, { ...OPTIONS, ...SLOWLY }, lines.log);
    t.teardown(() => site.close());
    renameSync(path, `${path}.old`);
    cpSync(next, path, { recursive: true });
    await site.reload();
    t.equal(lines.count('is a directory, and was a bundle file; start the server again to serve it'), 1);
    t.match(text(identity(resource(site.store(), '/')).body), /first/);
    await t.rejects(site.swap(next, undefined), { message: /is a directory, and a bundle file was expected/ });
    rmSync(path, { recursive: true });
    renameSync(`${path}.old`, path);
    await site.reload();
    t.equal(lines.count('stays'), 1);
  },
);

t.test('with a watcher, no second reading competes with it', async (t) => {
  const { site, lines, home, write } = await opened(t, { watch: true });
  await site.reload();
  write('second');
  while (home() !== 'second') await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(lines.count('compressed in the background'), 0);
});

t.test('with a watcher, a directory that stays away is told of once, and again when that is asked for', async (t) => {
  const { dir, site, lines, home } = await opened(t, { watch: true });
  renameSync(dir, `${dir}.old`);
  const gone = 'does not exist; the version that was served stays';
  await lines.has(gone);
  t.equal(lines.count(gone), 1);
  await site.reload();
  await lines.has(gone, 2);
  t.equal(home(), 'first');
  renameSync(`${dir}.old`, dir);
});
