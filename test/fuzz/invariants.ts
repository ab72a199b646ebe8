/** What must hold of a stack at any time, whatever came in: bounds, and numbers that fit each other. */
import type { Connection } from '../../src/net/tcp/state/connection.js';
import { ESTABLISHED } from '../../src/net/tcp/state/states.js';
import { LIMITS, Problem, type Subject } from './subject.js';

export function checkAll(subject: Subject): void {
  const { tcp, stack } = subject;
  if (tcp.connections.size > LIMITS.connections) throw new Problem(`${tcp.connections.size} connections`);
  if (tcp.listening.halfOpen > LIMITS.synQueue) throw new Problem(`${tcp.listening.halfOpen} half-open`);
  if (tcp.waiting.size > LIMITS.timeWait) throw new Problem(`${tcp.waiting.size} in TIME-WAIT`);
  const { cache, asking } = stack.arp.neighbours as unknown as {
    cache: { size: number };
    asking: Map<number, unknown>;
  };
  if (cache.size > 1024 || asking.size > 1100) throw new Problem(`${cache.size} neighbours, ${asking.size} asked for`);
  const { routes } = stack.output as unknown as { routes: { size: number } };
  if (routes.size > 4096) throw new Problem(`${routes.size} routes`);
  for (const count of subject.drops.counts) if (!Number.isFinite(count)) throw new Problem('a drop has no name');
  for (const c of tcp.connections) checkConnection(c);
}

function checkConnection(c: Connection): void {
  const fail = (what: string): never => {
    throw new Problem(`port ${c.remotePort} to ${c.localPort}, ${c.info().state}: ${what}`);
  };
  if (c.resting) {
    if (c.sndUna !== c.sndNxt || c.sndNxt !== c.sndMax || c.heldBytes !== 0) fail('rests, and is not through');
    return;
  }
  let pipe = 0;
  let sacked = 0;
  let lost = 0;
  let records = 0;
  const { flight } = c.busy;
  let at = flight.head?.seq ?? 0;
  for (let i = 0; i < flight.records; i++) {
    const one = flight.at(i);
    const size = (one.end - one.seq) | 0;
    if (size <= 0) fail(`a record of ${size} bytes`);
    if (one.seq !== at) fail(`a gap of ${(one.seq - at) | 0} in what is in flight`);
    at = one.end;
    records++;
    if (one.sacked) sacked += size;
    else if (one.lost && !one.resent) lost += size;
    else pipe += size;
    if (i + 1 === flight.records && one !== flight.tail) fail('the last in flight is not the last');
    if (one.sacked && i > 0 && flight.at(i - 1).sacked) fail('two SACKed records, one beside the other');
  }
  if (c.busy.flight.head !== undefined && c.busy.flight.head.seq !== c.sndUna && c.state >= ESTABLISHED) {
    fail(`in flight from ${(c.busy.flight.head.seq - c.sndUna) | 0} after SND.UNA`);
  }
  if (pipe !== c.busy.flight.pipe) fail(`${c.busy.flight.pipe} in flight, ${pipe} counted`);
  if (sacked !== c.busy.flight.sackedBytes || lost !== c.busy.flight.lostBytes || records !== c.busy.flight.records) {
    fail('sums of the scoreboard are wrong');
  }
  if (((c.sndNxt - c.sndUna) | 0) < 0 || ((c.sndMax - c.sndNxt) | 0) < 0)
    fail('SND.UNA, SND.NXT, SND.MAX out of order');
  if (((c.rcvAdv - c.rcvNxt) | 0) < 0) fail('RCV.NXT beyond the window');
  if (c.heldBytes < 0 || c.heldBytes > LIMITS.receiveBuffer + 0x1_0000) fail(`${c.heldBytes} bytes are held`);
  const kept = c.busy.reassembly?.size ?? 0;
  if (kept < 0 || kept > LIMITS.receiveBuffer) fail(`${kept} bytes out of order`);
  if (c.state >= ESTABLISHED && !(c.busy.cc.cwnd > 0)) fail(`cwnd ${c.busy.cc.cwnd}`);
  if (!(c.busy.rtt.rto > 0) || !Number.isFinite(c.busy.rtt.rto)) fail(`RTO ${c.busy.rtt.rto}`);
  if (c.mss < 1 || c.mss > 1460) fail(`MSS ${c.mss}`);
  for (const due of [c.busy.timers.at, c.busy.timers.delayedAckAt, c.busy.timers.pacingAt, c.lifeAt])
    if (Number.isNaN(due)) fail('a timer is no number');
  if (c.busy.flight.head !== undefined && c.busy.timers.at === Number.POSITIVE_INFINITY)
    fail('data in flight and no timer');
}
