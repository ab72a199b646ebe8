/** When a crash is the first again; by a clock of the test's. */
import t from 'tap';
import { HEALTHY, whenHealthy } from '../../src/vm/host/healthy.js';

function clock() {
  let now = 0;
  const due = new Map<number, { at: number; callback: () => void }>();
  return {
    set: (callback: () => void, milliseconds: number): number => {
      due.set(due.size, { at: now + milliseconds, callback });
      return due.size - 1;
    },
    clear: (timer: unknown): void => {
      due.delete(timer as number);
    },
    pass: (milliseconds: number): void => {
      now += milliseconds;
      for (const [timer, { at, callback }] of due) {
        if (at > now) continue;
        due.delete(timer);
        callback();
      }
    },
  };
}

t.test('crashes are forgotten after a minute of service, once', (t) => {
  const timers = clock();
  let forgotten = 0;
  whenHealthy(() => forgotten++, timers);
  timers.pass(59_999);
  t.equal(forgotten, 0, 'not before');
  timers.pass(1);
  t.equal(forgotten, 1);
  timers.pass(10 * HEALTHY);
  t.equal(forgotten, 1);
  t.end();
});

t.test('a service that ends within its first minute leaves them counted', (t) => {
  const timers = clock();
  const ended = whenHealthy(() => t.fail('it had not served for a minute'), timers);
  timers.pass(59_999);
  ended();
  timers.pass(10 * HEALTHY);
  t.end();
});
