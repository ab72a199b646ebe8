/** The sealed cache has a bound: what was used longest ago goes first, and nothing outside of it is touched. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { tryLock } from '../../../src/native/flock.js';
import { forgetSites } from '../../../src/serve/sealing/former-sites.js';
import { SealedCache } from '../../../src/serve/sealing/sealed-cache.js';

const skip = existsSync('/proc/self/fd') ? false : 'needs /proc';
const KILO = 1024;
const name = (i: number): string => i.toString(16).padStart(16, '0');

/** Sites 1, 2, 3 ..., the first used longest ago, each with `size` bytes. */
function cache(t: Test, count: number, size = KILO): string {
  const sealed = t.testdir({});
  for (let i = 1; i <= count; i++) {
    const folder = join(sealed, name(i), '61200', 'ab');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'f'.repeat(62)), Buffer.alloc(size));
    utimesSync(join(sealed, name(i)), 1000 + i, 1000 + i);
  }
  return sealed;
}

t.test('sites beyond the number go, the longest unused ones first, and never the own one', { skip }, async (t) => {
  const sealed = cache(t, 6);
  writeFileSync(join(sealed, 'notes'), 'of somebody');
  forgetSites(sealed, name(1), { sites: 3, bytes: 2 ** 30 });
  t.same(readdirSync(sealed).sort(), [name(1), name(5), name(6), 'notes']);
});

t.test('sites beyond the bytes go', { skip }, async (t) => {
  const sealed = cache(t, 5, 10 * KILO);
  forgetSites(sealed, name(5), { sites: 100, bytes: 25 * KILO });
  t.same(readdirSync(sealed).sort(), [name(3), name(4), name(5)]);
});

t.test('what a server has at present stays', { skip }, async (t) => {
  const sealed = cache(t, 4);
  const fd = openSync(join(sealed, name(1), '61200'), 'r');
  t.ok(tryLock(fd));
  forgetSites(sealed, name(4), { sites: 1, bytes: 2 ** 30 });
  t.same(readdirSync(sealed).sort(), [name(1), name(4)]);
  closeSync(fd);
  forgetSites(sealed, name(4), { sites: 1, bytes: 2 ** 30 });
  t.same(readdirSync(sealed), [name(4)]);
});

t.test('no link that a server left is followed', { skip }, async (t) => {
  const sealed = cache(t, 1);
  const outside = join(sealed, 'outside');
  mkdirSync(join(outside, 'ab'), { recursive: true });
  for (const kept of ['kept', join('ab', 'inner')]) writeFileSync(join(outside, kept), 'by others');
  const user = join(sealed, name(1), '61200');
  symlinkSync(outside, join(user, 'cd'));
  symlinkSync(join(outside, 'kept'), join(user, 'ab', 'link'));
  mkdirSync(join(user, 'ab', 'deeper'));
  writeFileSync(join(user, 'ab', 'deeper', 'file'), '');
  symlinkSync(outside, join(sealed, name(1), '61201'));
  forgetSites(sealed, name(9), { sites: 1, bytes: 0 });
  t.same(readdirSync(outside).sort(), ['ab', 'kept']);
  t.same(readdirSync(join(outside, 'ab')), ['inner']);
  t.notOk(existsSync(join(user, 'ab', 'f'.repeat(62))), 'what is of a server is gone');
});

t.test('a server that makes a folder of its own keeps the bound', { skip }, async (t) => {
  const sealed = cache(t, 5);
  new SealedCache(join(sealed, name(6)), { sites: 2, bytes: 2 ** 30 }).open({ name: 'a', uid: 1234, gid: 1234 });
  t.same(readdirSync(sealed).sort(), [name(5), name(6)]);
  // It is there by now: nothing is looked through.
  mkdirSync(join(sealed, name(7), '61200'), { recursive: true });
  new SealedCache(join(sealed, name(6)), { sites: 1, bytes: 0 }).open({ name: 'a', uid: 1234, gid: 1234 });
  t.same(readdirSync(sealed).sort(), [name(5), name(6), name(7)]);
});
