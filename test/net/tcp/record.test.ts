/** Times of a connection that goes to a program whose clock shows another time. */
import t from 'tap';
import { putTimes, timesOf } from '../../../src/net/tcp/moving/record.js';

/** Ages by the clocks of two programs: one froze at 5,000, the other takes over when its clock shows 90. */
function moved(fields: Record<string, number>): Record<string, number> {
  const names = Object.keys(fields);
  const adopted = Object.fromEntries(names.map((name) => [name, -1]));
  putTimes(adopted, names, JSON.parse(JSON.stringify(timesOf(fields, names, 5000))), 90);
  return adopted;
}

t.test('a time is as long ago, or as far away, by the new clock', (t) => {
  t.same(moved({ heardAt: 4000, lifeAt: 5060.5 }), { heardAt: -910, lifeAt: 150.5 });
  t.same(moved({ heardAt: 5000 }), { heardAt: 90 }, 'now');
  t.end();
});

t.test('a time that there is not stays none: 0, or for a timer never', (t) => {
  t.same(moved({ sentAt: 0, stuckSince: 0 }), { sentAt: 0, stuckSince: 0 });
  const timers = { lifeAt: Number.POSITIVE_INFINITY, 'timers.at': Number.POSITIVE_INFINITY };
  t.same(timesOf({ lifeAt: timers.lifeAt, timers: { at: timers['timers.at'] } }, Object.keys(timers), 5000), [
    null,
    null,
  ]);
  t.same(moved({ lifeAt: Number.POSITIVE_INFINITY }), { lifeAt: Number.POSITIVE_INFINITY });
  t.end();
});
