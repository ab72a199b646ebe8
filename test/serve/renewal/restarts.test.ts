/** A process that ends by itself is started again: soon, later and later, and soon again once it was steady. */
import t from 'tap';
import { Restarts } from '../../../src/serve/renewal/restarts.js';

t.test('the pause doubles up to a minute, and begins anew after a minute without an end', async (t) => {
  let now = 0;
  const due: { at: number; callback: () => void }[] = [];
  const clock = {
    now: () => now,
    schedule: (delay: number, callback: () => void) => {
      due.push({ at: now + delay, callback });
      return { cancel: () => undefined };
    },
  };
  const ends: ((how: string) => void)[] = [];
  const said: string[] = [];
  new Restarts(
    clock,
    (ended) => ends.push(ended),
    (sentence) => said.push(sentence),
  ).begin();
  const pause = (lived: number): number => {
    now += lived;
    ends.at(-1)!('it was killed');
    const { at, callback } = due.pop()!;
    const waited = at - now;
    now = at;
    callback();
    return waited;
  };
  t.equal(ends.length, 1, 'the first at once');
  const pauses = Array.from({ length: 12 }, () => pause(10));
  t.same(pauses.slice(0, 4), [100, 200, 400, 800]);
  t.equal(pauses.at(-1), 60_000);
  t.equal(pause(60_000), 100, 'it was steady');
  t.equal(said[0], 'it was killed; it is started again in 0.1 s');
});
