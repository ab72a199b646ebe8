import t from 'tap';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { VirtualTime } from '../../src/net/host/virtual-time.js';
import { minimise } from './minimise.js';
import { drawPlan } from './plan.js';

t.test('events happen in the order of their times, and equal ones in the order they were asked for', async (t) => {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const seen: [number, number][] = [];
  for (let i = 0; i < 500; i++) {
    const at = random.below(50);
    time.at(at, () => seen.push([at, i]));
  }
  time.run(25);
  t.equal(time.now(), 25);
  t.ok(seen.every(([at]) => at <= 25));
  time.run(Number.POSITIVE_INFINITY);
  t.equal(seen.length, 500);
  t.same(
    seen,
    [...seen].sort(([a, i], [b, j]) => a - b || i - j),
  );
});

t.test('a cancelled timer does not fire, and one that fired may be cancelled', async (t) => {
  const time = new VirtualTime();
  let fired = 0;
  const first = time.schedule(1, () => fired++);
  time.schedule(2, () => fired++).cancel();
  time.run(10);
  first.cancel();
  t.equal(fired, 1);
});

t.test('the same seed draws the same numbers and plans; the next seed others', async (t) => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 100 }, () => random.random32());
  };
  t.same(draw(7), draw(7));
  t.notSame(draw(7), draw(8));
  t.same(drawPlan(7), drawPlan(7));
  t.notSame(drawPlan(7), drawPlan(8));
  const random = new SeededRandom(1);
  const mean = Array.from({ length: 10_000 }, () => random.unit()).reduce((a, b) => a + b) / 10_000;
  t.ok(Math.abs(mean - 0.5) < 0.02, `${mean}`);
});

t.test('minimising finds the few that matter among many', async (t) => {
  const items = Array.from({ length: 200 }, (_, i) => i);
  let trials = 0;
  const found = minimise(items, (part) => {
    trials += 1;
    return [17, 60, 199].every((one) => part.includes(one));
  });
  t.same(found, [17, 60, 199]);
  t.ok(trials < 200, `${trials} trials`);
  t.same(
    minimise(items, () => true),
    [],
  );
});
