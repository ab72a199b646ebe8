/**
 * `npm run bench:sweep -- [--rates 1,10,100,1000] [--rtts 2,20,100,200] [--buffers 0.1,0.5,1,4] [--losses 0,1]
 * [--senders ...] [--only alone|pairs] [--megabytes N]`: how our senders fare away from the one link that they were
 * tuned on, in virtual time. Alone: the share of the rate that arrived. Pairs: Jain's index, and each one's share.
 * Rates in Mbit/s, RTTs in ms, buffers in bandwidth-delay products.
 */
import { parseArgs } from 'node:util';
import type { CongestionName } from '../src/net/tcp/congestion/index.js';
import { type Bottleneck, goodput, jain } from '../test/sim/bottleneck.js';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1,10,100,1000' },
    rtts: { type: 'string', default: '2,20,100,200' },
    buffers: { type: 'string', default: '0.1,0.5,1,4' },
    losses: { type: 'string', default: '0,1' },
    senders: { type: 'string', default: 'reno,cubic,bbr' },
    pairs: { type: 'string', default: 'cubic+cubic,bbr+bbr,bbr+cubic' },
    only: { type: 'string' },
    megabytes: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);
const seed = Number(values.seed);

function link(rate: number, rtt: number, buffer: number, loss: number): Bottleneck {
  // A queue takes four segments at least: less than that passes no burst of any sender.
  const queue = Math.max(buffer * rate * 125 * rtt, 4 * 1514);
  return { rate: rate * 125, delay: rtt / 2, queue, loss: loss / 100 };
}

/** Long enough for the start to be forgotten, short enough for a gigabit to be simulated. Virtual ms. */
function length(rate: number, rtt: number): number {
  return Math.min(Math.max(200 * rtt, 20_000), (Number(values.megabytes) * 1e6) / (rate * 125));
}

for (const rate of numbers(values.rates)) {
  for (const rtt of numbers(values.rtts)) {
    for (const buffer of numbers(values.buffers)) {
      const where = `${rate} Mbit/s, ${rtt} ms, ${buffer} BDP`;
      if (values.only !== 'pairs') {
        for (const loss of numbers(values.losses)) {
          const until = length(rate, rtt);
          const cells = values.senders.split(',').map((congestion) => {
            const path = link(rate, rtt, buffer, loss);
            const got = goodput(seed, path, [{ congestion: congestion as CongestionName }], {
              from: until / 4,
              until,
            })[0];
            return `${congestion} ${((got as number) / rate).toFixed(3)}`;
          });
          console.log(`alone  ${where}, ${loss}%: ${cells.join('  ')}`);
        }
      }
      if (values.only !== 'alone') {
        const until = 2 * length(rate, rtt);
        const cells = values.pairs.split(',').map((pair) => {
          const [one, two] = pair.split('+') as [CongestionName, CongestionName];
          const downloads = [{ congestion: one }, { congestion: two, start: 10 * rtt }];
          const shares = goodput(seed, link(rate, rtt, buffer, 0), downloads, { from: until / 3, until });
          return `${pair} ${jain(shares).toFixed(3)} (${shares.map((one) => (one / rate).toFixed(2)).join('+')})`;
        });
        console.log(`pairs  ${where}: ${cells.join('  ')}`);
      }
    }
  }
}
