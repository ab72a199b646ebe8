/** What is lost: RACK (RFC 8985) where the peer sends SACK, duplicate ACKs (RFC 5681, 6582) where it does not. */

import { after, before, notAfter } from '../numbers/sequence.js';
import { TIMER_NONE, TIMER_REORDER } from '../state/busy.js';
import type { Connection } from '../state/connection.js';
import type { Sent } from '../state/sent.js';

/** RFC 8985 6.2 step 2: the newest transmission that is known to have arrived. */
export function rackDelivered(c: Connection, one: Sent, end: number, now: number): void {
  const { busy } = c;
  const rtt = now - one.sentAt;
  // An ACK that comes sooner than any RTT after a retransmission is about the original.
  if (one.count > 1 && busy.rtt.min > 0 && rtt < busy.rtt.min) return;
  if (one.count === 1 && busy.fack !== 0 && before(end, busy.fack)) busy.reorderingSeen = true;
  if (one.sentAt > busy.rackSentAt || (one.sentAt === busy.rackSentAt && after(end, busy.rackEnd))) {
    busy.rackSentAt = one.sentAt;
    busy.rackEnd = end;
    busy.rackRtt = rtt;
    // The first of all has none before it, as where all arrives in order.
    if (busy.flight.beforeRack !== one.older && (!one.lost || one.resent)) busy.flight.beforeRack = one.older;
  }
  if (busy.fack === 0 || after(end, busy.fack)) busy.fack = end;
}

/** RFC 8985 6.2 step 4: how much reordering is borne, ms. */
function reorderingWindow(c: Connection): number {
  const { busy } = c;
  if (!busy.reorderingSeen && (busy.recovering || busy.flight.sackedBytes >= 3 * c.mss)) return 0;
  return Math.min((busy.reorderingSteps * busy.rtt.min) / 4, busy.rtt.srtt);
}

/** Whether it left before the newest transmission that is known to have arrived (RFC 8985 6.2 step 5). */
function overtaken(c: Connection, one: Sent): boolean {
  const { rackSentAt, rackEnd } = c.busy;
  return one.sentAt < rackSentAt || (one.sentAt === rackSentAt && before(one.end, rackEnd));
}

/** RFC 8985 6.2 step 5. Marks what is lost, returns its bytes, and arms the reordering timer for what may be. */
export function rackDetect(c: Connection, now: number): number {
  const { busy } = c;
  if (busy.rackSentAt === 0) return 0;
  // A number that nobody needs would be made into an object where nothing is in flight.
  const window = busy.flight.head === undefined ? 0 : reorderingWindow(c);
  let lost = 0;
  let wait = 0;
  const { underWay } = busy.flight;
  for (let one = underWay.first; one !== undefined && overtaken(c, one); one = underWay.first) {
    if (one.sentAt + busy.rackRtt + window - now > 0.001) {
      // What left later is not due either. The timer is for the last of them (RFC 8985 6.2 step 5).
      wait = (busy.flight.beforeRack ?? one).sentAt + busy.rackRtt + window - now;
      break;
    }
    busy.flight.markLost(one);
    lost += (one.end - one.seq) | 0;
  }
  if (wait > 0) {
    busy.timer = TIMER_REORDER;
    busy.timerAt = now + wait;
  } else if (busy.timer === TIMER_REORDER) {
    busy.timer = TIMER_NONE;
    busy.timerAt = Number.POSITIVE_INFINITY;
  }
  return lost;
}

/** RFC 8985 6.2 step 4: a DSACK says that the window was too small; it grows a step a round, for 16 recoveries. */
export function rackDsack(c: Connection): void {
  const { busy } = c;
  if (busy.reorderingRound === 0 || notAfter(busy.reorderingRound, c.sndUna)) {
    busy.reorderingRound = c.sndNxt;
    busy.reorderingSteps = Math.min(busy.reorderingSteps + 1, 16);
  }
}

/** RFC 6582 3.2: the first unacknowledged segment is lost (third duplicate ACK, or a partial ACK). Returns its bytes. */
export function markHeadLost(c: Connection, partial: boolean): number {
  const { busy } = c;
  const head = busy.flight.head;
  // A partial ACK inside of what was sent again says nothing new: else ACKs of a byte would draw a segment each.
  if (head === undefined || (head.lost && (partial || !head.resent))) return 0;
  if (((head.end - head.seq) | 0) > c.mss) busy.flight.split(head, (head.seq + c.mss) | 0);
  busy.flight.markLost(head);
  return (head.end - head.seq) | 0;
}
