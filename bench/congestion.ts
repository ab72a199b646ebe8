/**
 * `npm run bench:congestion -- [--seeds N] [--seconds N] [--only goodput|fair|small] [--senders cubic,bbr,reno]`:
 * goodput under loss, shares of a bottleneck and small fetches of our stack, in virtual time: the same numbers on every
 * machine.
 */
import { parseArgs } from 'node:util';
import type { CongestionName } from '../src/net/tcp/congestion/index.js';
import { fetches, goodput, jain, LINK } from '../test/sim/bottleneck.js';
import { median } from './report.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '12' },
    only: { type: 'string' },
    senders: { type: 'string', default: 'reno,cubic,bbr' },
    losses: { type: 'string', default: '0,0.1,1,3,5' },
  },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
const until = Number(values.seconds) * 1000;
const senders = values.senders.split(',') as CongestionName[];
const wanted = (part: string): boolean => values.only === undefined || values.only === part;
const cell = (numbers: number[]): string => median(numbers).toFixed(1);

if (wanted('goodput')) {
  console.log('goodput, Mbit/s, median of seeds');
  for (const percent of values.losses.split(',').map(Number)) {
    const link = { ...LINK, loss: percent / 100 };
    const cells = senders.map((congestion) => {
      const of = seeds.map((seed) => goodput(seed, link, [{ congestion }], { until })[0] as number);
      return `${congestion} ${cell(of)}`;
    });
    console.log(`${percent}%: ${cells.join(', ')}`);
  }
}
if (wanted('fair')) {
  console.log("shares of a bottleneck, Mbit/s, and Jain's index, by seeds; the second flow begins 1 s later");
  const pairs: [CongestionName, CongestionName][] = [
    ['cubic', 'cubic'],
    ['bbr', 'bbr'],
    ['bbr', 'cubic'],
    ['cubic', 'bbr'],
    ['reno', 'cubic'],
    ['reno', 'bbr'],
  ];
  for (const [one, two] of pairs) {
    const shares = seeds.map((seed) =>
      goodput(seed, LINK, [{ congestion: one }, { congestion: two, start: 1000 }], { from: 10_000, until: 60_000 }),
    );
    const of = (i: number): string => cell(shares.map((share) => share[i] as number));
    console.log(`${one} ${of(0)}, ${two} ${of(1)}: ${median(shares.map(jain)).toFixed(3)}`);
  }
}
if (wanted('small')) {
  console.log('1 KiB on a new connection at 3% loss, mean ms');
  for (const congestion of senders) {
    const of = seeds.map((seed) => fetches(seed, { ...LINK, loss: 0.03 }, congestion, 200));
    console.log(`${congestion} ${cell(of)}`);
  }
}
