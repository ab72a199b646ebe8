/** What a new program is told of the bundles before it. */
import t from 'tap';
import { FormerBundles } from '../../src/supervise/former-bundles.js';

const KEEP = 60_000;

t.test('a bundle that is replaced is kept for the time that is left of --keep-assets, and no longer', (t) => {
  const former = new FormerBundles();
  former.remember('/a', KEEP, 1_000);
  t.same(former.listed('/b', KEEP, 21_000), [
    { bundle: '/a', seconds: 40 },
    { bundle: '/b', seconds: 60 },
  ]);
  t.same(former.listed('/b', KEEP, 61_000), [{ bundle: '/b', seconds: 60 }], 'its time is over');
  t.same(former.listed(undefined, KEEP, 60_999), [{ bundle: '/a', seconds: 0.001 }], 'the embedded site is no file');
  t.same(former.listed('/b', 0, 1_000), [], 'nothing is kept');
  t.end();
});

t.test('one that is served again is listed once, with the time of its last end', (t) => {
  const former = new FormerBundles();
  former.remember('/a', KEEP, 0);
  former.remember('/b', KEEP, 10_000);
  former.remember('/a', KEEP, 20_000);
  t.same(former.listed(undefined, KEEP, 20_000), [
    { bundle: '/b', seconds: 50 },
    { bundle: '/a', seconds: 60 },
  ]);
  former.remember(undefined, KEEP, 70_000);
  t.same(former.listed(undefined, KEEP, 70_000), [{ bundle: '/a', seconds: 10 }], 'what is over is forgotten');
  t.end();
});

t.test('however often a site is replaced, eight former bundles are kept at most, the last ones', (t) => {
  const former = new FormerBundles();
  for (let i = 0; i < 100; i++) former.remember(`/${i}`, KEEP, i);
  t.same(
    former.listed(undefined, KEEP, 100).map(({ bundle }) => bundle),
    Array.from({ length: 8 }, (_, i) => `/${92 + i}`),
  );
  t.end();
});
