/** The self-test passes for a whole site, and fails for each way in which one can be wrong. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { selfTest } from '../../src/self-test/self-test.js';
import { bundleDirectory, openStore, type Store } from '../../src/store/index.js';

const SITE = join('site', '_site');

async function run(store: Store, base?: string) {
  return selfTest({ store, base, random: new SeededRandom(1), wallClock: 1_700_000_000_000, pages: 40 });
}

t.test('the home page, a missing one and random ones come as they lie in the bundle', async (t) => {
  const store = await openStore(SITE, { cache: false, compression: 'none' });
  const { pages, bytes } = await run(store);
  t.ok(pages > 20);
  t.ok(bytes > 100_000);
  t.ok((await run(store, '/docs')).pages > 20, 'also below a path');
});

t.test('a damaged page of the bundle is found, and said', async (t) => {
  const file = join(t.testdir({}), 'site.bundle');
  await bundleDirectory(SITE, file, { cache: false, compression: 'none' });
  const bytes = readFileSync(file);
  const home = (await openStore(file)).lookup(new TextEncoder().encode('/'), 0, 1);
  bytes[home.kind === 'resource' ? home.resource.representations[0]!.body.start + 20 : -1]! ^= 1;
  writeFileSync(file, bytes);
  await t.rejects(run(await openStore(file)), /self-test failed: .* is damaged in the bundle/);
});

t.test('a program that answers with other bytes than the bundle has fails', async (t) => {
  const store = await openStore(SITE, { cache: false, compression: 'none' });
  // As a wrong server would: what is looked up when answering is another page than when expecting.
  let asked = 0;
  const liar: Store = {
    id: store.id,
    size: store.size,
    resources: () => store.resources(),
    close: () => store.close(),
    lookup: (bytes, start, end) => {
      const other = new TextEncoder().encode('/guide/');
      return ++asked > 42 ? store.lookup(other, 0, other.length) : store.lookup(bytes, start, end);
    },
  };
  await t.rejects(run(liar), /self-test failed: .* (another hash|was answered with|brought more)/);
});
