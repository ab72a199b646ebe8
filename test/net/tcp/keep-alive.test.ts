/** Keep-alive (RFC 9293 3.8.4); segments by hand, in virtual time. */
import t from 'tap';
import type { Connection } from '../../../src/net/tcp/index.js';
import { ACK } from '../../sim/packets.js';
import { Script } from './script.js';

const HOUR = 3_600_000;

function open(): { s: Script; connection: Connection } {
  const s = new Script();
  s.open(Uint8Array.of(2, 4, 5, 0xb4));
  s.since();
  return { s, connection: s.flow as Connection };
}

t.test('off unless it is asked for: an idle connection says nothing in a week [9293 MUST-25]', async (t) => {
  const { s } = open();
  s.wait(7 * 24 * HOUR);
  t.same(s.since(), []);
  t.equal(s.closedWith, undefined);
});

t.test(
  'asked for, the first probe comes after two hours of silence, without data [9293 MUST-24] [9293 MUST-26] [9293 MUST-28] [9293 SHLD-12] [9293 MAY-5]',
  async (t) => {
    const { s, connection } = open();
    s.host.enter(() => connection.keepAlive());
    s.wait(2 * HOUR - 1000);
    t.same(s.since(), []);
    s.wait(2000);
    const [probe, ...more] = s.since();
    t.same(more, []);
    t.match(probe, { flags: ACK, seq: s.ack - 1 });
    t.equal(probe?.data.length, 0);
    s.send(ACK);
    s.wait(HOUR);
    t.same(s.since(), [], 'answered, and silent again');
    s.host.enter(() => connection.keepAlive(0));
    s.wait(10 * HOUR);
    t.same(s.since(), [], 'and off again');
  },
);

t.test('the interval can be set; one lost probe is borne, nine are not [9293 MUST-27] [9293 MUST-29]', async (t) => {
  const { s, connection } = open();
  s.host.enter(() => connection.keepAlive(10_000));
  s.wait(11_000);
  t.equal(s.since().length, 1);
  s.wait(80_000);
  t.equal(s.closedWith, undefined);
  s.send(ACK);
  s.wait(5000);
  t.equal(s.closedWith, undefined);
  s.wait(20 * 60_000);
  t.equal(s.closedWith, 'timed-out');
});
