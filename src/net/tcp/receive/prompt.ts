/** How many of the segments that bring nothing forward draw an ACK of their own (RFC 5681 4.2, RFC 9293 3.10.7.4). */
import { sendAck } from '../send/emit.js';
import type { Connection } from '../state/connection.js';

/**
 * Segments in a row that bring nothing forward and are acknowledged one by one. A sender takes three ACKs for a loss
 * (RFC 5681 3.2); one without SACK counts the others, too, for each segment that has left the network.
 */
const PROMPT = 4;
const PROMPT_COUNTED = 32;

/**
 * A segment is about to be reported that brings nothing forward. It gets an ACK of its own, at once (RFC 5681 4.2):
 * an ACK that is due already leaves before it. After some such segments in a row the sender knows that something is
 * missing. From then on the segments of one turn may share an ACK, if it reports all of them (RFC 2018 3). So a peer
 * that sends such segments without end draws fewer ACKs than it sends segments.
 */
export function apart(c: Connection): void {
  const { busy } = c;
  if (!c.ackNow) return;
  const blocks = c.timestamps ? 2 : 3;
  const told = !c.sackOk || (busy.reassembly?.untold ?? 0) < blocks;
  if (told && busy.prompt + 1 >= (c.sackOk ? PROMPT : PROMPT_COUNTED)) return;
  busy.prompt++;
  sendAck(c);
}

/**
 * Acknowledges a segment with data that is not acceptable (RFC 9293 3.10.7.4, first), at once as long as there are few
 * in a row; then those of one turn share an ACK.
 */
export function acknowledgeUnacceptable(c: Connection): void {
  const { busy, layer } = c;
  if (busy.prompt + 1 < PROMPT_COUNTED) {
    busy.prompt++;
    sendAck(c);
    return;
  }
  c.ackNow = true;
  layer.schedule.touch(c);
}
