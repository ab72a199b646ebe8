import t from 'tap';
import type { ProbeEvent } from '../../../src/net/probe.js';
import { ACK, FIN, PSH, SYN } from '../../sim/packets.js';
import { Script } from './script.js';

t.test('a probe sees every segment, with the state before and after', async (t) => {
  const s = new Script();
  const seen: ProbeEvent[] = [];
  s.host.tcp.probe = (event) => seen.push(event);
  s.open();
  s.send(ACK | PSH, { payload: s.text('ask') });
  s.seq += 3;
  s.write(10);
  s.wait(1);
  s.send(ACK | FIN, { ack: (s.ack + 10) | 0 });
  s.send(SYN, { to: 81, from: 5001 });
  const states = seen.map((one) => `${one.direction} ${one.flags} ${one.stateBefore} ${one.stateAfter}`);
  t.same(states, [
    'in 2 LISTEN SYN-RECEIVED',
    'out 18 SYN-RECEIVED SYN-RECEIVED',
    'in 16 SYN-RECEIVED ESTABLISHED',
    'in 24 ESTABLISHED ESTABLISHED',
    'out 16 ESTABLISHED ESTABLISHED',
    'out 24 ESTABLISHED ESTABLISHED',
    'in 17 ESTABLISHED CLOSE-WAIT',
    'out 16 CLOSE-WAIT CLOSE-WAIT',
    'in 2 CLOSED CLOSED',
    'out 20 CLOSED CLOSED',
  ]);
  t.match(seen[5], { length: 10, remote: '10.0.0.2:5000', localPort: 80, inFlight: 0 });
  t.ok(seen.every((one) => one.now >= 0) && (seen[4] as ProbeEvent).cwnd > 5000);
  const { segmentsIn, segmentsOut } = s.host.tcp.counters;
  t.equal(seen.length, segmentsIn + segmentsOut, 'none is missed');
});
