/** What an acceptable ACK does to the sender (RFC 9293 3.10.7.4, RFC 2018, 5681, 6582, 6937, 8985). */
import { headersTo } from '../../ip/contracts/ip-output.js';
import type { Segment } from '../../wire/tcp.js';
import { ECE } from '../../wire/tcp.js';
import type { Sent } from '../flight/sent.js';
import { TIMER_NONE } from '../flight/timers.js';
import { after, before, notAfter, notBefore } from '../numbers/sequence.js';
import { armAfterAck } from '../recovery/arm.js';
import { enterRecovery, markHeadLost, proportionalRate, rackDetect } from '../recovery/recovery.js';
import { PASSED_REMEMBERED } from '../send/mss.js';
import { FRTO_OFF, FRTO_PROBING } from '../state/busy.js';
import type { Connection } from '../state/connection.js';

/** The peer has got one record up to `end`: cumulatively acknowledged or SACKed for the first time. */
function deliver(c: Connection, one: Sent, end: number, now: number): void {
  const { busy } = c;
  const { sample } = c.layer;
  const size = (end - one.seq) | 0;
  sample.newlyDelivered += size;
  if (one.count === 1) {
    sample.rtt = now - one.sentAt;
    if (busy.frto !== FRTO_OFF && notAfter(end, busy.recover)) sample.originalCame = true;
  } else sample.repeatCame = true;
  if (busy.cc.rates) {
    busy.delivery.arrived(size);
    busy.delivery.arrivedAt(now);
    sample.delivers(one);
  }
  busy.rack.delivered(one, end, busy.flight, busy.rtt, now);
}

function acknowledge(c: Connection, una: number, now: number): void {
  const flight = c.busy.flight;
  for (let one = flight.head; one !== undefined && before(one.seq, una); one = flight.head) {
    const part = after(one.end, una);
    if (!one.sacked) deliver(c, one, part ? una : one.end, now);
    if (part) flight.trim(una);
    else flight.shift();
  }
}

/** RFC 2018 5: marks what the blocks cover. Returns whether a DSACK (RFC 2883) was among them. */
function takeSack(c: Connection, segment: Segment, previousUna: number, now: number): boolean {
  const { busy } = c;
  let duplicate = false;
  for (let i = 0; i < segment.sackBlocks; i++) {
    const left = segment.sack[i * 2];
    const right = segment.sack[i * 2 + 1];
    if (!before(left, right)) continue;
    // RFC 2883 4: below the cumulative ACK, or inside of the second block.
    if (
      i === 0 &&
      (before(left, segment.ack) ||
        (segment.sackBlocks > 1 && notBefore(left, segment.sack[2]) && notAfter(right, segment.sack[3])))
    ) {
      if (notAfter(right, c.sndMax) && after(right, (c.sndUna - 0x4000_0000) | 0)) duplicate = true;
      if (before(left, segment.ack)) continue;
    }
    if (before(left, previousUna) || after(right, c.sndMax)) continue;
    busy.flight.sack(left, right, c.mss, (one) => deliver(c, one, one.end, now));
  }
  return duplicate && busy.duplicates.dsack(c.retransmissions);
}

/**
 * F-RTO (RFC 5682; with SACK, section 3): after a timeout the first ACK that moves forward lets new data out, not the
 * data that is believed lost. If data arrives that was never sent again, the timeout was needless. `duplicate`: the ACK
 * says that the loss was real.
 */
function forwardRto(c: Connection, acked: number, duplicate: boolean, now: number): void {
  const { busy } = c;
  const { sample } = c.layer;
  // Without SACK, an ACK over a retransmission may cover what had come long before it.
  if (sample.originalCame && (c.sackOk || !sample.repeatCame)) undo(c, now);
  else if (busy.frto === FRTO_PROBING) {
    if (duplicate) busy.frto = FRTO_OFF;
  } else if (acked > 0) {
    const more = (busy.queue.end - c.sndNxt) | 0;
    const room = (c.sndUna + c.sndWnd - c.sndNxt) | 0;
    busy.frto = more > 0 && room > 0 && before(c.sndUna, busy.recover) ? FRTO_PROBING : FRTO_OFF;
  }
}

function undo(c: Connection, now: number): void {
  const { busy } = c;
  busy.frto = FRTO_OFF;
  busy.undo.done();
  busy.recovering = false;
  busy.timedOut = false;
  busy.timers.progress();
  busy.flight.unmark();
  busy.cc.onSpurious(c, now);
}

/** `ackOk`: SND.UNA =< SEG.ACK =< SND.NXT was checked. `length`: what the segment itself carried. */
export function processAck(c: Connection, segment: Segment, windowChanged: boolean, length: number, now: number): void {
  const { busy } = c;
  const { sample } = c.layer;
  const previousUna = c.sndUna;
  const acked = (segment.ack - previousUna) | 0;
  sample.begin(acked, busy.flight.pipe, c.ecn && (segment.flags & ECE) !== 0);

  if (acked > 0) {
    c.sndUna = segment.ack;
    if (before(c.sndNxt, c.sndUna)) c.sndNxt = c.sndUna;
    acknowledge(c, segment.ack, now);
    // A retransmission filled a hole. Data behind the hole may have come long before this ACK, and its SACKs were lost.
    if (sample.repeatCame) sample.rtt = 0;
    busy.queue.release(segment.ack);
    busy.stuckSince = now;
    busy.urgent?.acknowledged(segment.ack);
    if (c.mssCap === 0xffff) {
      const { route } = c;
      const size = Math.min(acked, c.mss);
      if (size >= route.passed || now - route.passedAt > PASSED_REMEMBERED) {
        route.passed = size;
        route.passedAt = now;
      }
    } else if (busy.timers.backoff > 0 && c.layer.ip.pathMtu(c.route) - headersTo(c.remoteAddress) > c.mssCap + 40) {
      // The smaller segments passed. This happens once: a later time-out has other reasons.
      c.layer.ip.suspectBlackHole(c.route);
    }
    c.layer.ip.confirm(c.route);
  }
  const dsack = c.sackOk && segment.sackBlocks > 0 && takeSack(c, segment, previousUna, now);

  // RFC 7323 4: the echo measures even retransmitted segments; our own clock is finer where it may be used (Karn). An
  // ACK that reports a duplicate does not count: the segment that drew it came later than the one that it echoes.
  if (acked > 0 && sample.rtt === 0 && !dsack && c.timestamps && segment.timestamps && segment.tsEcr !== 0) {
    const echoed = (c.layer.clocks.timestamp(c, now) - segment.tsEcr) | 0;
    if (echoed >= 0 && echoed < 60_000) sample.rtt = Math.max(echoed, 1);
  }
  if (sample.rtt > 0) busy.rtt.measured(sample);
  if (acked > 0) busy.timers.progress();
  if (busy.cc.rates && sample.rate(busy.delivery, busy.rtt)) busy.delivery.nextFlight(sample);

  if (busy.tailProbe.endedBy(c.sndUna)) {
    // RFC 8985 7.4: the probe repaired a loss, unless a DSACK says that both copies came.
    if (busy.tailProbe.retransmitted && !dsack && !busy.recovering) busy.cc.onCongestion(c, false, now);
    busy.tailProbe.stop();
  }
  if (dsack) {
    busy.rack.tooNarrow(c.sndUna, c.sndNxt);
    if (busy.undo.duplicate()) undo(c, now);
  }
  const stamped = acked > 0 && c.timestamps && segment.timestamps;
  if (busy.recovering && stamped && busy.undo.provenBy(segment.tsEcr)) undo(c, now);

  if (busy.frto !== FRTO_OFF) forwardRto(c, acked, acked === 0 && length === 0 && !windowChanged, now);

  let lost = 0;
  if (c.sackOk) lost = rackDetect(c, now);
  else lost = withoutSack(c, acked, windowChanged, length);
  if (busy.cc.rates) {
    busy.delivery.loses(lost);
    // What timers found since the last ACK counts too.
    sample.newlyLost = busy.delivery.newlyLost();
  }
  if (busy.recovering && notBefore(c.sndUna, busy.recover)) {
    busy.recovering = false;
    busy.timedOut = false;
    busy.frto = FRTO_OFF;
    busy.duplicates.forgetAcks();
    busy.cc.onRecovered(c, now);
  }
  if (lost > 0 && !busy.recovering) enterRecovery(c, now);
  // RFC 3168 6.1.2: once a window. CWR leaves with the first byte behind the window. Each ACK has ECE until CWR
  // arrives, and so has the ACK of the window's last byte.
  if (sample.ece && !busy.recovering && after(c.sndUna, busy.ecnRecover)) {
    busy.ecnRecover = c.sndNxt;
    c.cwrDue = true;
    busy.cc.onCongestion(c, true, now);
  }
  sample.inFlight = busy.flight.pipe;
  if (sample.newlyDelivered > 0 || acked > 0) busy.cc.onAck(c, sample, busy.recovering && !busy.timedOut, now);
  if (busy.recovering && !busy.timedOut) {
    // RFC 6937 3: duplicates delivered what they reported. The ACK that covers it does not deliver it again.
    const delivered = Math.max(0, sample.newlyDelivered + busy.duplicates.news);
    proportionalRate(c, delivered, acked > 0 && lost === 0);
  }
  // RACK may have taken the timer away: what is in flight always needs one.
  if (acked > 0 || sample.newlyDelivered > 0 || busy.timers.kind === TIMER_NONE) armAfterAck(c, now);
}

/** RFC 5681 3.2, RFC 6582 3.2, RFC 3042 2. Returns the bytes that are now known to be lost. */
function withoutSack(c: Connection, acked: number, windowChanged: boolean, length: number): number {
  const { busy } = c;
  const { duplicates, recovering, timedOut } = busy;
  // After a time-out only what was sent since then can arrive now.
  const outstanding = recovering && timedOut ? busy.flight.pipe : (c.sndMax - c.sndUna) | 0;
  if (acked > 0) {
    if (!recovering) {
      duplicates.forgetAcks();
      return 0;
    }
    duplicates.covered(acked, outstanding, c.mss);
    return !timedOut && before(c.sndUna, busy.recover) ? markHeadLost(c, true) : 0;
  }
  duplicates.news = 0;
  if (length !== 0 || windowChanged || busy.flight.head === undefined) return 0;
  duplicates.ack(outstanding, c.mss);
  if (!recovering) return duplicates.acks === 3 && notBefore(c.sndUna, busy.recover) ? markHeadLost(c, false) : 0;
  return 0;
}
