import t from 'tap';
import { ACK, PSH, SYN } from '../../sim/packets.js';
import { Script } from './script.js';

/** A server whose SYN queue is full from the beginning. */
function cookiesOnly(): Script {
  const s = new Script();
  (s.host.tcp.limits as { synQueue: number }).synQueue = 0;
  return s;
}

t.test('[4987 3.6] a segment that comes before the first one after a cookie does not end the connection', async (t) => {
  const s = cookiesOnly();
  s.send(SYN);
  s.wait(1);
  s.seq += 1;
  s.ack = ((s.since()[0]?.seq ?? 0) + 1) | 0;
  // The ACK and the first data were lost.
  s.send(ACK | PSH, { seq: (s.seq + 5) | 0, payload: s.text('later') });
  s.wait(1);
  t.same(s.since(), [], 'no RST');
  t.equal(s.host.drops.of('tcp-cookie-invalid'), 1);
  s.send(ACK | PSH, { payload: s.text('first') });
  s.send(ACK | PSH, { seq: (s.seq + 5) | 0, payload: s.text('later') });
  t.equal(s.received, 'firstlater');
});

t.test('[4987 3.6] an ACK that answers no cookie of ours is refused', async (t) => {
  const s = cookiesOnly();
  s.send(SYN);
  s.wait(1);
  s.since();
  s.seq += 1;
  s.ack = 12_345;
  s.send(ACK);
  t.equal(s.since()[0]?.flags, 4, 'RST');
  t.equal(s.host.tcp.connections.size, 0);
});

t.test('[4987 3.6] a SYN that draws a cookie and, coming again, a place in the queue: the cookie holds', async (t) => {
  const s = cookiesOnly();
  s.send(SYN);
  s.wait(1);
  const cookie = s.since()[0]?.seq ?? 0;
  (s.host.tcp.limits as { synQueue: number }).synQueue = 10;
  s.wait(5);
  s.send(SYN);
  s.wait(1);
  t.not(s.since()[0]?.seq, cookie);
  t.equal(s.host.tcp.listening.halfOpen, 1);
  s.seq += 1;
  s.ack = (cookie + 1) | 0;
  s.send(ACK | PSH, { payload: s.text('hello') });
  t.equal(s.received, 'hello');
  t.equal(s.host.tcp.listening.halfOpen, 0);
});
