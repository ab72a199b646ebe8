/** Loss recovery: where it begins, and how much may be sent in it (proportional rate reduction, RFC 6937). */
import type { Connection } from '../state/connection.js';

/**
 * Bytes that are believed to be in the network, less those that duplicate ACKs have told of: in a recovery all of these, before one two
 * segments (RFC 3042 2).
 */
export function inNetwork(c: Connection): number {
  const { busy } = c;
  const { told } = busy.duplicates;
  if (told === 0) return busy.flight.pipe;
  return busy.flight.pipe - (busy.recovering ? told : Math.min(told, 2 * c.mss));
}

/** Something is lost: what was sent until now is to be acknowledged before it is over. */
export function enterRecovery(c: Connection, now: number): void {
  const { busy } = c;
  busy.recovering = true;
  busy.timedOut = false;
  busy.recover = c.sndMax;
  busy.recoverFlightSize = (c.sndMax - c.sndUna) | 0;
  busy.prrDelivered = busy.prrOut = 0;
  busy.undoRetransmissions = 0;
  busy.retransmitTs = 0;
  busy.prrWindow = inNetwork(c) + c.mss;
  busy.cc.onCongestion(c, false, now);
}

/** RFC 6937 3, with 6937bis: a segment more than delivered only for an ACK that moved forward and told of no new loss. */
export function proportionalRate(c: Connection, delivered: number, safe: boolean): void {
  const { busy } = c;
  busy.prrDelivered += delivered;
  const pipe = inNetwork(c);
  let count: number;
  if (pipe > busy.cc.ssthresh) {
    count = Math.ceil((busy.prrDelivered * busy.cc.ssthresh) / Math.max(busy.recoverFlightSize, 1)) - busy.prrOut;
  } else {
    const limit = Math.max(busy.prrDelivered - busy.prrOut, delivered) + (safe ? c.mss : 0);
    count = Math.min(busy.cc.ssthresh - pipe, limit);
  }
  // The first retransmission of a recovery always leaves (RFC 6675 5 step 4.3).
  if (busy.prrOut === 0) count = Math.max(count, c.mss);
  busy.prrWindow = pipe + Math.max(count, 0);
}
