/** Loss recovery: what is lost, where a recovery begins, and how much may be sent in it. */
import { TIMER_REORDER } from '../flight/timers.js';
import type { Connection } from '../state/connection.js';

/**
 * Bytes that are believed to be in the network, less those that duplicate ACKs have reported. In a recovery all of
 * these are taken off, before one at most two segments (RFC 3042 2).
 */
export function inNetwork(c: Connection): number {
  const { busy } = c;
  // With SACK a duplicate ACK says nothing that its blocks do not say.
  const told = c.sackOk ? 0 : busy.duplicates.told;
  if (told === 0) return busy.flight.pipe;
  return busy.flight.pipe - (busy.recovering ? told : Math.min(told, 2 * c.mss));
}

/** Something is lost. The recovery is over when everything that was sent until now is acknowledged. */
export function enterRecovery(c: Connection, now: number): void {
  const { busy } = c;
  busy.recovering = true;
  busy.timedOut = false;
  busy.recover = c.sndMax;
  busy.prr.begin((c.sndMax - c.sndUna) | 0, inNetwork(c), c.mss);
  busy.undo.reset();
  busy.cc.onCongestion(c, false, now);
}

/** An ACK of a recovery reported `delivered` bytes; `safe`: it moved forward, and reported no new loss. */
export function proportionalRate(c: Connection, delivered: number, safe: boolean): void {
  const { busy } = c;
  busy.prr.acked(delivered, inNetwork(c), busy.cc.ssthresh, c.mss, safe ? c.mss : 0);
}

/** RFC 8985 6.2 step 5. Marks what is lost, returns its bytes, and arms the reordering timer for what may be. */
export function rackDetect(c: Connection, now: number): number {
  const { busy } = c;
  const { rack, flight } = busy;
  if (rack.sentAt === 0) return 0;
  // With nothing in flight nobody needs the number, and V8 would make an object of it.
  const window = flight.head === undefined ? 0 : rack.window(flight, busy.rtt, busy.recovering, c.mss);
  let lost = 0;
  let wait = 0;
  for (let one = rack.overtaken(flight); one !== undefined; one = rack.overtaken(flight)) {
    if (rack.remaining(one, window, now) > 0.001) {
      // Transmissions that left later are not due either. The timer is for the last of them (RFC 8985 6.2 step 5).
      wait = rack.remaining(flight.beforeRack ?? one, window, now);
      break;
    }
    flight.markLost(one);
    lost += (one.end - one.seq) | 0;
  }
  if (wait > 0) {
    busy.timers.arm(TIMER_REORDER, now + wait);
  } else if (busy.timers.kind === TIMER_REORDER) {
    busy.timers.stop();
  }
  return lost;
}

/**
 * RFC 6582 3.2: the first unacknowledged segment is lost (third duplicate ACK, or a partial ACK). Returns its bytes.
 */
export function markHeadLost(c: Connection, partial: boolean): number {
  const { busy } = c;
  const head = busy.flight.head;
  // A partial ACK inside of what was sent again says nothing new. Otherwise each ACK of a single byte would draw a
  // segment.
  if (head === undefined || (head.lost && (partial || !head.resent))) return 0;
  if (((head.end - head.seq) | 0) > c.mss) busy.flight.split(head, (head.seq + c.mss) | 0);
  busy.flight.markLost(head);
  return (head.end - head.seq) | 0;
}
