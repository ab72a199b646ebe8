/** Where urgent data ends (RFC 9293 3.8.5). */
import t from 'tap';
import { Urgent } from '../../../src/net/tcp/flight/urgent.js';

/** Across the wrap of sequence numbers. */
const END = 5 | 0;
const BEFORE = (END - 10) | 0;

t.test('what we send is urgent until all before its end is acknowledged', async (t) => {
  const urgent = new Urgent();
  urgent.send(END);
  urgent.acknowledged(BEFORE);
  urgent.acknowledged(END - 1);
  t.ok(urgent.due);
  urgent.acknowledged(END);
  t.notOk(urgent.due);
});

t.test("the peer's pointer is news where it goes on, and none where it stays or goes back", async (t) => {
  const urgent = new Urgent();
  t.ok(urgent.receive(BEFORE), 'the first');
  t.notOk(urgent.receive(BEFORE), 'the same');
  t.ok(urgent.receive(END));
  t.notOk(urgent.receive(BEFORE), 'an old one');
  t.equal(urgent.receiveEnd, END);
});
