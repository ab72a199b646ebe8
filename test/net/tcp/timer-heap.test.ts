import fc from 'fast-check';
import t from 'tap';
import { type Due, TimerHeap } from '../../../src/net/tcp/tables/timer-heap.js';

class Item implements Due {
  deadline = Number.POSITIVE_INFINITY;
  heapAt = Number.POSITIVE_INFINITY;
  heapIndex = -1;
}

t.test('whatever is armed, moved and removed: each item comes up at its deadline, once, and never early', (t) => {
  let fired = 0;
  const step = fc.record({
    item: fc.nat(15),
    what: fc.constantFrom('arm', 'arm', 'arm', 'remove', 'pass'),
    by: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const heap = new TimerHeap<Item>();
      const items = Array.from({ length: 16 }, () => new Item());
      let now = 0;
      for (const { item, what, by } of steps) {
        const one = items[item];
        if (what === 'arm') {
          one.deadline = now + 1 + by;
          heap.arm(one);
        } else if (what === 'remove') {
          one.deadline = Number.POSITIVE_INFINITY;
          heap.remove(one);
        } else {
          now += by;
          const earliest = Math.min(...items.map((each) => each.deadline));
          if (heap.next() > earliest) return false;
          const due = new Set(items.filter((each) => each.deadline <= now));
          for (let taken = heap.take(now); taken !== undefined; taken = heap.take(now)) {
            if (!due.delete(taken)) return false;
            taken.deadline = Number.POSITIVE_INFINITY;
            fired++;
          }
          if (due.size > 0) return false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.ok(fired > 500, `${fired} timers fired in their order`);
  t.end();
});

t.test('what was removed is not held', (t) => {
  const heap = new TimerHeap<Item>();
  const items = Array.from({ length: 100 }, (_, i) => {
    const item = new Item();
    item.deadline = (i * 37) % 100;
    heap.arm(item);
    return item;
  });
  for (const item of items) heap.remove(item);
  t.equal(heap.next(), Number.POSITIVE_INFINITY);
  t.ok(items.every((item) => item.heapIndex === -1));
  t.end();
});
