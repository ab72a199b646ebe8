/** Goodput under loss as a table, so that a change of behaviour shows in review. */
import t from 'tap';
import { fetches, goodput, LINK } from '../../../sim/bottleneck.js';

// Much is simulated: on a machine that is busy it takes its time.
t.setTimeout(180_000);

/** Mbit/s, 3 s of virtual time, seed 1. Write the new numbers down when a change moves them, and say why. */
const EXPECTED = {
  reno: '91.7 23.9 8.9 4.4 3.5',
  cubic: '91.7 28.4 10.8 5.0 4.0',
  bbr: '90.8 90.7 89.9 87.6 85.5',
} as const;

for (const congestion of ['reno', 'cubic', 'bbr'] as const) {
  t.test(`${congestion}: goodput at 0, 0.1, 1, 3 and 5% loss is as it was`, async (t) => {
    const cells = [0, 0.1, 1, 3, 5].map((percent) =>
      (goodput(1, { ...LINK, loss: percent / 100 }, [{ congestion }], { until: 3000 })[0] as number).toFixed(1),
    );
    t.equal(cells.join(' '), EXPECTED[congestion]);
  });
}

/** The same with up to 20 ms of jitter each way, at 0, 1 and 5% loss: no wait there may be taken for a queue. */
t.test('bbr: goodput with jitter at 0, 1 and 5% loss is as it was', async (t) => {
  const cells = [0, 1, 5].map((percent) =>
    (
      goodput(1, { ...LINK, loss: percent / 100, jitter: 20 }, [{ congestion: 'bbr' }], { until: 3000 })[0] as number
    ).toFixed(1),
  );
  t.equal(cells.join(' '), '80.9 78.5 73.8');
});

t.test('a device that takes no super-segments gets the same goodput, within a third', async (t) => {
  for (const congestion of ['cubic', 'bbr'] as const) {
    // Fates are drawn frame by frame: a frame more or less changes them all, so the numbers cannot be the same.
    const link = { ...LINK, loss: 0.01 };
    const [one] = goodput(1, link, [{ congestion }], { until: 3000, offload: true });
    const [two] = goodput(1, link, [{ congestion }], { until: 3000, offload: false });
    const ratio = (one as number) / (two as number);
    t.ok(ratio > 0.75 && ratio < 1.33, `${congestion}: ${ratio.toFixed(2)}`);
  }
});

t.test('1 KiB on a new connection at 3% loss takes two round trips and what lost SYNs cost', async (t) => {
  const mean = fetches(1, { ...LINK, loss: 0.03 }, 'cubic', 100);
  t.ok(mean >= 40 && mean < 160, `${mean.toFixed(0)} ms`);
});
