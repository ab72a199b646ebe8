/** Two downloads over one bottleneck of 20 Mbit/s, 20 ms and a queue of 50 ms, without random loss. */
import t from 'tap';
import { goodput, jain, LINK } from '../../../sim/bottleneck.js';

const link = { ...LINK, rate: 2500, queue: 125_000 };

for (const [one, two] of [
  ['bbr', 'bbr'],
  ['bbr', 'cubic'],
  ['cubic', 'bbr'],
  ['cubic', 'cubic'],
] as const) {
  t.test(`${one} and ${two} share a bottleneck: Jain's index is over 0.9`, async (t) => {
    const downloads = [{ congestion: one }, { congestion: two, start: 500 }];
    const shares = goodput(1, link, downloads, { from: 10_000, until: 60_000 });
    t.ok(jain(shares) > 0.9, shares.map((share) => share.toFixed(1)).join(' and '));
    t.ok((shares[0] as number) + (shares[1] as number) > 17, 'and use it');
  });
}
