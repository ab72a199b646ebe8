/** What is lost: RACK (RFC 8985) where the peer sends SACK, duplicate ACKs (RFC 5681, 6582) where it does not. */
import type { Connection } from './connection.js';
import { TIMER_NONE, TIMER_REORDER } from './connection.js';
import type { Sent } from './in-flight.js';
import { after, before, notAfter, notBefore } from './sequence.js';

/** RFC 8985 6.2 step 2: the newest transmission that is known to have arrived. */
export function rackDelivered(c: Connection, one: Sent, now: number): void {
  const rtt = now - one.sentAt;
  // An ACK that comes sooner than any RTT after a retransmission is about the original.
  if (one.count > 1 && c.rtt.min > 0 && rtt < c.rtt.min) return;
  if (one.count === 1 && c.fack !== 0 && before(one.end, c.fack)) c.reorderingSeen = true;
  if (one.sentAt > c.rackSentAt || (one.sentAt === c.rackSentAt && after(one.end, c.rackEnd))) {
    c.rackSentAt = one.sentAt;
    c.rackEnd = one.end;
    c.rackRtt = rtt;
  }
  if (c.fack === 0 || after(one.end, c.fack)) c.fack = one.end;
}

/** RFC 8985 6.2 step 4: how much reordering is borne, ms. */
function reorderingWindow(c: Connection): number {
  if (!c.reorderingSeen && (c.recovering || c.flight.sackedBytes >= 3 * c.mss)) return 0;
  return Math.min((c.reorderingSteps * c.rtt.min) / 4, c.rtt.srtt);
}

/** RFC 8985 6.2 step 5. Marks what is lost; answers its bytes, and arms the reordering timer for what may be. */
export function rackDetect(c: Connection, now: number): number {
  if (c.rackSentAt === 0) return 0;
  const window = reorderingWindow(c);
  let lost = 0;
  let wait = 0;
  for (let one = c.flight.head; one !== undefined; one = one.next) {
    if (one.sacked || (one.lost && !one.resent)) continue;
    if (one.sentAt > c.rackSentAt || (one.sentAt === c.rackSentAt && notBefore(one.end, c.rackEnd))) continue;
    const remaining = one.sentAt + c.rackRtt + window - now;
    if (remaining <= 0.001) {
      c.flight.markLost(one);
      lost += (one.end - one.seq) | 0;
    } else if (remaining > wait) wait = remaining;
  }
  if (wait > 0) {
    c.timer = TIMER_REORDER;
    c.timerAt = now + wait;
  } else if (c.timer === TIMER_REORDER) {
    c.timer = TIMER_NONE;
    c.timerAt = Number.POSITIVE_INFINITY;
  }
  return lost;
}

/** RFC 8985 6.2 step 4: a DSACK says that the window was too small; it grows a step a round, for 16 recoveries. */
export function rackDsack(c: Connection): void {
  if (c.reorderingRound === 0 || notAfter(c.reorderingRound, c.sndUna)) {
    c.reorderingRound = c.sndNxt;
    c.reorderingSteps = Math.min(c.reorderingSteps + 1, 16);
  }
}

/** RFC 6582 3.2: the first unacknowledged segment is lost (third duplicate ACK, or a partial ACK). Answers its bytes. */
export function markHeadLost(c: Connection): number {
  const head = c.flight.head;
  if (head === undefined || (head.lost && !head.resent)) return 0;
  if (((head.end - head.seq) | 0) > c.mss) c.flight.split(head, (head.seq + c.mss) | 0);
  c.flight.markLost(head);
  return (head.end - head.seq) | 0;
}
