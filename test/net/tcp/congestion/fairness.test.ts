/** Two downloads over one bottleneck of 20 Mbit/s and 20 ms, without random loss, with small and large buffers. */
import t from 'tap';
import { goodput, jain, LINK } from '../../../sim/bottleneck.js';

// Much is simulated: on a machine that is busy it takes its time.
t.setTimeout(180_000);

/** A bandwidth-delay product, bytes. */
const BDP = 50_000;

for (const buffer of [2.5, 4]) {
  for (const [one, two] of [
    ['bbr', 'bbr'],
    ['bbr', 'cubic'],
    ['cubic', 'bbr'],
    ['cubic', 'cubic'],
  ] as const) {
    t.test(`${one} and ${two} share a bottleneck with ${buffer} BDP of buffer: Jain's index is over 0.9`, async (t) => {
      const downloads = [{ congestion: one }, { congestion: two, start: 500 }];
      const link = { ...LINK, rate: 2500, queue: buffer * BDP };
      const shares = goodput(1, link, downloads, { from: 10_000, until: 40_000 });
      t.ok(jain(shares) > 0.9, shares.map((share) => share.toFixed(1)).join(' and '));
      t.ok((shares[0] as number) + (shares[1] as number) > 17, 'and use it');
    });
  }
}
