import fc from 'fast-check';
import t from 'tap';
import { BbrModel } from '../../../../src/net/tcp/congestion/bbr-model.js';
import type { CongestionControl, RateSample, SenderView } from '../../../../src/net/tcp/congestion/controller.js';
import { Bbr, type CongestionName, Cubic, congestionByName, Reno } from '../../../../src/net/tcp/congestion/index.js';

const MSS = 1448;

type Sender = { -readonly [K in keyof SenderView]: SenderView[K] };

function sender(): Sender {
  const view: Sender = {
    ...{ mss: MSS, sndUna: 0, sndNxt: 0, srtt: 20, minRtt: 20, inFlight: 0, delivered: 0 },
    ...{ cwndLimited: true, timedOut: false },
  };
  return view;
}

function sample(acked: number, more: Partial<RateSample> = {}): RateSample {
  return {
    ...{ deliveryRate: 0, appLimited: false, newlyDelivered: acked, newlyLost: 0, rtt: 20, priorDelivered: 0, lost: 0 },
    ...{ txInFlight: 0, priorInFlight: 0, inFlight: 0, acked, ece: false },
    ...more,
  };
}

function started(control: CongestionControl, view: Sender): CongestionControl {
  control.start(view, 0);
  return control;
}

for (const name of ['reno', 'cubic', 'bbr'] as const) {
  t.test(`${name} answers to its name and begins with ten segments (RFC 6928 2)`, async (t) => {
    const control = started(congestionByName(name)(), sender());
    t.equal(control.name, name);
    t.equal(control.cwnd, 10 * MSS);
  });
  t.test(`${name} begins with at most 14,600 bytes, or two large segments (RFC 6928 2)`, async (t) => {
    t.equal(started(congestionByName(name)(), { ...sender(), mss: 8948 }).cwnd, 17_896);
    t.equal(started(congestionByName(name)(), { ...sender(), mss: 536 }).cwnd, 5360);
  });
}

for (const make of [() => new Reno(), () => new Cubic()]) {
  const name = make().name;
  t.test(`${name}: slow start grows by what was acknowledged (RFC 3465)`, async (t) => {
    const control = started(make(), sender());
    control.onAck(sender(), sample(2 * MSS), false, 20);
    t.equal(control.cwnd, 12 * MSS);
  });
  t.test(`${name}: a window that was not used does not grow (RFC 7661)`, async (t) => {
    const control = started(make(), sender());
    control.onAck({ ...sender(), cwndLimited: false }, sample(MSS), false, 20);
    t.equal(control.cwnd, 10 * MSS);
  });
  t.test(`${name}: the window does not grow in recovery, which PRR owns (RFC 6937)`, async (t) => {
    const control = started(make(), sender());
    control.onAck(sender(), sample(MSS), true, 20);
    t.equal(control.cwnd, 10 * MSS);
  });
  t.test(
    `${name}: a timeout leaves one segment, and the next of the same data reduces no further (RFC 5681 3.1)`,
    async (t) => {
      const view = { ...sender(), inFlight: 10 * MSS };
      const control = started(make(), view);
      control.onTimeout(view, 20);
      const threshold = control.ssthresh;
      t.equal(control.cwnd, MSS);
      control.onTimeout(view, 60);
      t.equal(control.ssthresh, threshold);
    },
  );
  t.test(`${name}: a spurious timeout gives the window back`, async (t) => {
    const view = { ...sender(), inFlight: 10 * MSS };
    const control = started(make(), view);
    control.onTimeout(view, 20);
    control.onSpurious(view, 25);
    t.equal(control.cwnd, 10 * MSS);
    t.equal(control.ssthresh, 0x3fff_ffff);
  });
  t.test(`${name}: after a pause it begins with the initial window (RFC 5681 4.1)`, async (t) => {
    const view = sender();
    const control = started(make(), view);
    control.cwnd = 100 * MSS;
    control.onIdle(view, 5000, 5000);
    t.equal(control.cwnd, 10 * MSS);
    t.ok(control.ssthresh >= 75 * MSS, 'and comes back fast');
  });
}

t.test('Reno keeps half of the window after a loss (RFC 5681 3.1)', async (t) => {
  const control = started(new Reno(), sender());
  control.onCongestion({ ...sender(), inFlight: 10 * MSS }, false, 20);
  t.equal(control.ssthresh, 5 * MSS);
});

t.test('Reno grows by a segment a window (RFC 3465 2.1)', async (t) => {
  const view = { ...sender(), inFlight: 10 * MSS };
  const control = started(new Reno(), view);
  control.ssthresh = control.cwnd;
  for (let i = 0; i < 10; i++) control.onAck(view, sample(MSS), false, 20 + i);
  t.equal(control.cwnd, 11 * MSS);
});

t.test('CUBIC keeps 0.7 of the window after a loss (RFC 9438 4.6)', async (t) => {
  const control = started(new Cubic(), sender());
  control.onCongestion({ ...sender(), inFlight: 10 * MSS }, false, 20);
  t.equal(Math.round(control.ssthresh), 7 * MSS);
});

t.test('CUBIC is back at the old window after K seconds, with a plateau there (RFC 9438 4.2)', async (t) => {
  const view = { ...sender(), srtt: 100, minRtt: 100 };
  const control = started(new Cubic(), view);
  control.cwnd = 1000 * MSS;
  control.onCongestion(view, false, 0);
  control.onRecovered(view, 0);
  const k = Math.cbrt((1000 * 0.3) / 0.4) * 1000;
  const run = (from: number, to: number): void => {
    for (let now = from; now < to; now += 100) control.onAck(view, sample(control.cwnd, { rtt: 100 }), false, now);
  };
  run(0, k / 2);
  const half = control.cwnd / MSS;
  run(k / 2, k);
  const whole = control.cwnd / MSS;
  t.ok(half > 940 && half < 985, `at K/2: ${half.toFixed(0)}`);
  t.ok(whole > 985 && whole < 1010, `at K: ${whole.toFixed(0)}`);
});

t.test('HyStart++ leaves slow start when the delay rises, before any loss (RFC 9406 4.2)', async (t) => {
  const view = sender();
  const control = started(new Cubic(), view);
  for (let round = 0; round < 12; round++) {
    const rtt = round < 4 ? 20 : 40;
    view.sndUna = view.sndNxt;
    view.sndNxt += 100 * MSS;
    for (let i = 0; i < 10; i++) control.onAck(view, sample(MSS, { rtt }), false, round * 20 + i);
  }
  t.ok(control.ssthresh < 0x3fff_ffff);
});

t.test('BBR paces at 2.77 times the initial window a round trip until it has measured', async (t) => {
  const control = started(new Bbr(), sender());
  t.ok(Math.abs(control.pacingRate - (2.77 * 10 * MSS) / 20) < 1);
});

const step = fc.record({
  kind: fc.integer({ min: 0, max: 7 }),
  acked: fc.integer({ min: 0, max: 100_000 }),
  lost: fc.integer({ min: 0, max: 100_000 }),
  rtt: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 5000, noNaN: true })),
  rate: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1e7, noNaN: true })),
  flight: fc.integer({ min: 0, max: 10_000_000 }),
  wait: fc.double({ min: 0, max: 20_000, noNaN: true }),
  flag: fc.boolean(),
});

for (const name of ['reno', 'cubic', 'bbr'] as CongestionName[]) {
  t.test(`${name}: whatever comes, window and rate stay numbers, and at least a segment may leave`, async (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 36, max: 8948 }), fc.array(step, { maxLength: 80 }), (mss, steps) => {
        const view = { ...sender(), mss, srtt: 0, minRtt: 0 };
        const control = started(congestionByName(name)(), view);
        let now = 0;
        for (const { kind, acked, lost, rtt, rate, flight, wait, flag } of steps) {
          now += wait;
          const prior = view.delivered;
          view.sndUna = (view.sndUna + acked) | 0;
          view.sndNxt = (view.sndUna + flight) | 0;
          view.inFlight = flight;
          view.delivered += acked;
          view.cwndLimited = flag;
          if (rtt > 0) {
            view.srtt = rtt;
            view.minRtt = view.minRtt === 0 ? rtt : Math.min(view.minRtt, rtt);
          }
          if (kind === 0) control.onCongestion(view, flag, now);
          else if (kind === 1) control.onRecovered(view, now);
          else if (kind === 2) control.onTimeout(view, now);
          else if (kind === 3) control.onSpurious(view, now);
          else if (kind === 4) control.onIdle(view, wait, now);
          else if (kind === 5) control.onSend(view, mss, now);
          const newly = { rtt, deliveryRate: rate, newlyLost: lost, lost, txInFlight: flight, priorInFlight: flight };
          control.onAck(view, sample(acked, { ...newly, priorDelivered: prior, inFlight: flight }), flag, now);
          if (!(control.cwnd >= mss) || !Number.isFinite(control.cwnd)) return false;
          if (!(control.ssthresh >= mss) || !Number.isFinite(control.pacingRate) || control.pacingRate < 0)
            return false;
        }
        return true;
      }),
    );
    t.pass('as fast-check drew it');
  });
}

/**
 * Rounds of 100 segments of which `lost` are lost, at first without a loss and with 20 ms, then each ACK with a round
 * trip of `rtt`.
 */
function modelAfter(rounds: number, lost: number, rtt: number): BbrModel {
  const model = new BbrModel();
  const view = sender();
  model.start(0, 20);
  play(model, view, 0, 2, 0, 20);
  play(model, view, 40, rounds, lost, rtt);
  return model;
}

function play(
  model: BbrModel,
  view: Sender,
  from: number,
  rounds: number,
  lost: number,
  rtt: number | ((i: number) => number),
): void {
  let now = from;
  for (let round = 0; round < rounds; round++) {
    const before = view.delivered;
    for (let i = 0; i < 10; i++) {
      now += 2;
      view.delivered += (100 - lost) * (MSS / 10);
      const one = sample((100 - lost) * (MSS / 10), {
        ...{ deliveryRate: 7000, newlyLost: (lost * MSS) / 10, priorDelivered: i === 0 ? before : 0 },
        rtt: typeof rtt === 'number' ? rtt : rtt(i),
      });
      model.update(view, one, 100 * MSS, 0, now);
      model.advance(view, one);
    }
  }
}

t.test('BBR makes up for what a path loses by itself, up to 6%, and not for what a queue lost', async (t) => {
  t.ok(Math.abs(modelAfter(60, 3, 20).randomLoss - 0.03) < 0.002);
  t.ok(Math.abs(modelAfter(60, 30, 20).randomLoss - 0.06) < 0.002);
  t.equal(modelAfter(60, 0, 20).randomLoss, 0);
  t.equal(modelAfter(60, 5, 40).randomLoss, 0, 'the round trip has doubled: it was a queue');
});

t.test('BBR: two percent lost at a queue are too much, twelve without one are not', async (t) => {
  t.ok(modelAfter(3, 0, 20).roundLossy() === false);
  const lossy = (lost: number, rtt: number): boolean => {
    const model = new BbrModel();
    const view = sender();
    model.start(0, 20);
    const one = sample((100 - lost) * MSS, { newlyLost: lost * MSS, rtt });
    model.update(view, one, 100 * MSS, 0, 20);
    return model.roundLossy();
  };
  t.same([lossy(3, 20), lossy(3, 30), lossy(12, 20), lossy(13, 20)], [false, true, false, true]);
});

t.test('BBR: where the path jitters, the jitter is no queue, and a queue above it still is', async (t) => {
  const model = new BbrModel();
  const view = sender();
  model.start(0, 40);
  // From 20 to 60 ms, 40 on average: the lowest round trip becomes 20.
  const jitter = (i: number): number => 20 + ((i * 7) % 10) * 4.5;
  model.updateMinRtt(20, 0);
  play(model, view, 0, 20, 0, jitter);
  const lossy = (rtt: number): boolean => {
    const before = view.delivered;
    view.delivered += 97 * MSS;
    model.advance(view, sample(0));
    const one = sample(97 * MSS, { newlyLost: 3 * MSS, rtt, priorDelivered: before });
    model.update(view, one, 100 * MSS, 0, 1000);
    const answer = model.roundLossy();
    model.advance(view, one);
    return answer;
  };
  t.same([lossy(45), lossy(55), lossy(80)], [false, false, true]);
});

t.test(
  'BBR: a round that waited as a whole, as behind a host that stood still, is no queue when its losses waited less',
  async (t) => {
    const slow = (losing: number, others: number): boolean => {
      const model = new BbrModel();
      const view = sender();
      model.start(0, 20);
      play(model, view, 0, 2, 0, 20);
      const before = view.delivered;
      for (let i = 0; i < 10; i++) {
        view.delivered += 10 * MSS;
        const rtt = i === 5 ? losing : others;
        const one = sample(10 * MSS, { newlyLost: i === 5 ? 4 * MSS : 0, rtt, priorDelivered: i === 9 ? before : 0 });
        model.update(view, one, 100 * MSS, 0, 50);
      }
      return model.roundLossy();
    };
    t.equal(slow(40, 60), false);
    t.equal(slow(60, 40), true);
  },
);
