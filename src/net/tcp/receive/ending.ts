/** Connections that end without a RST: what is left of them waits in the table of TIME-WAIT, or in a successor's. */

import { sendAck } from '../send/emit.js';
import type { Connection } from '../state/connection.js';
import { timeWaitState } from '../state/departure.js';
import { TIME_WAIT } from '../tables/time-wait.js';

/** The FINs went both ways (RFC 9293 3.6): what is left of it is a row in TIME-WAIT. */
export function enterTimeWait(c: Connection, now: number): void {
  if (c.ackNow) sendAck(c);
  wait(c, false, now);
  c.reportClosed('finished');
}

/**
 * Our owner has no more to do with a connection in FIN-WAIT-2. The peer has all data and our FIN, but its program may
 * not have read them. Some systems throw unread data away at a RST, so the connection may end without one. What the
 * peer still sends is then answered by a RST.
 */
export function leave(c: Connection): void {
  wait(c, true, c.layer.now);
  c.reportClosed('reset-by-us');
}

function wait(c: Connection, open: boolean, now: number): void {
  const { layer } = c;
  const { localAddress, remoteAddress, ports, sndMax, rcvNxt, timestamps, tsRecent, tsOffset } = c;
  const window = Math.min(Math.max((c.rcvAdv - rcvNxt) | 0, 0) >> c.rcvScale, 0xffff);
  const times = { timestamps, tsRecent, tsOffset, window, expires: now + TIME_WAIT };
  const one = { localAddress, remoteAddress, ports, sndNxt: sndMax, rcvNxt, open, ...times };
  layer.departed?.timeWait(timeWaitState(c.layer, one, now));
  layer.gone(c, 'finished', false);
  if (layer.departed === undefined) layer.waiting.add(one);
}
