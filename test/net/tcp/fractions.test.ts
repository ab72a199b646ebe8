import { setFlagsFromString } from 'node:v8';
import t from 'tap';
import { type CongestionName, congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { RttEstimator } from '../../../src/net/tcp/flight/rto.js';
import { Sent, SentPool } from '../../../src/net/tcp/flight/sent.js';
import { BusyPool, BusyState } from '../../../src/net/tcp/state/busy.js';
import { fetchOnce } from './exchange.js';

setFlagsFromString('--allow-natives-syntax');
const sameShape = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;

// Made before anything was measured, and left alone: as what lies in a pool while others serve.
const sent = new Sent();
const rtt = new RttEstimator();
const fresh = (name: CongestionName): BusyState => new BusyState(new SentPool(), congestionByName(name)());
const rested = { reno: fresh('reno'), cubic: fresh('cubic'), bbr: fresh('bbr') };

/** Every object that connections are lent. */
const lent = new Set<BusyState>();
const records = new Set<Sent>();
const { take } = BusyPool.prototype;
BusyPool.prototype.take = function (this: BusyPool, seq: number): BusyState {
  const one = take.call(this, seq);
  lent.add(one);
  return one;
};
const { give } = SentPool.prototype;
SentPool.prototype.give = function (this: SentPool, one: Sent): void {
  records.add(one);
  give.call(this, one);
};

const body = Buffer.alloc(300_000, 'fraction');

for (const name of ['reno', 'cubic', 'bbr'] as const) {
  t.test(`${name}: losses, timeouts and fractions of a millisecond leave the shape of objects as it was`, async (t) => {
    lent.clear();
    records.clear();
    for (let seed = 1; seed <= 6; seed++) t.ok(fetchOnce(body, seed * 7919, 0.03, name).bytes.equals(body));
    t.ok(lent.size > 0 && records.size > 10);
    const unused = rested[name];
    for (const one of lent) {
      t.ok(sameShape(one, unused), 'what a busy connection is lent');
      t.ok(sameShape(one.rtt, rtt), 'the round trip');
      t.ok(sameShape(one.flight, unused.flight), 'the flight');
      for (const part of ['prr', 'rack', 'tailProbe', 'undo', 'duplicates', 'timers', 'delivery'] as const)
        t.ok(sameShape(one[part], unused[part]), part);
      t.ok(sameShape(one.queue, unused.queue), 'the queue');
      t.ok(sameShape(one.cc, unused.cc), 'congestion control');
      for (const part of ['hystart', 'model']) {
        const [ours, theirs] = [one.cc, unused.cc].map(
          (cc) => (cc as unknown as Record<string, object | undefined>)[part],
        );
        if (ours !== undefined) t.ok(sameShape(ours, theirs!), part);
      }
    }
    t.equal([...records].filter((one) => !sameShape(one, sent)).length, 0, 'records of what was sent');
  });
}
