/** A segment for a connection that exists: RFC 9293 3.10.7.3 and .4, with RFC 5961 and RFC 7323. */

import { dropReason } from '../../drops.js';
import { ECN_CE } from '../../ip/contracts/ip-output.js';
import { ACK, CWR, FIN, RST, type Segment, SYN, URG } from '../../wire/tcp.js';
import { after, before, notAfter } from '../numbers/sequence.js';
import type { Connection } from '../state/connection.js';
import {
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
} from '../state/states.js';
import { processAck } from './ack.js';
import { challenge, spare } from './challenge.js';
import { enterTimeWait } from './ending.js';
import { receiveText } from './receive.js';

const NO_ACK = dropReason('tcp-no-ack');
const OUT_OF_WINDOW = dropReason('tcp-out-of-window');
const BUFFER_FULL = dropReason('tcp-receive-buffer-full');
const PAWS = dropReason('tcp-paws');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const RST_INVALID = dropReason('tcp-rst-invalid');
const SYN_IN_WINDOW = dropReason('tcp-syn-in-window');

/** RFC 7323 5.5: a timestamp older than this says nothing, 24 days. */
const PAWS_LIFETIME = 24 * 86_400_000;

/** RFC 9293 3.10.7.4, first: is any of it inside of the receive window? */
function acceptable(c: Connection, segment: Segment): boolean {
  const length = segment.length;
  const window = (c.rcvAdv - c.rcvNxt) | 0;
  const offset = (segment.seq - c.rcvNxt) | 0;
  // A FIN alone is taken into a closed window: it needs no room.
  if (length === 1 && offset === 0 && (segment.flags & FIN) !== 0) return true;
  if (length === 0) return window <= 0 ? offset === 0 : offset >= 0 && offset < window;
  if (window <= 0) return false;
  const last = (offset + length - 1) | 0;
  return (offset >= 0 && offset < window) || (last >= 0 && last < window) || (offset < 0 && last >= window);
}

/**
 * A bare ACK that a later one has overtaken: its timestamp is old, but it changes nothing except what is known to be
 * SACKed. RFC 7323 5.3 R1 would drop it. On each path that reorders, data that has arrived would then be taken for
 * lost. Linux takes such an ACK, too.
 */
function overtaken(c: Connection, segment: Segment): boolean {
  return (
    c.sackOk &&
    segment.sackBlocks > 0 &&
    segment.length === 0 &&
    (segment.flags & (SYN | ACK)) === ACK &&
    segment.seq === c.rcvNxt &&
    segment.ack === c.sndUna &&
    segment.window << c.sndScale === c.sndWnd &&
    ((c.tsRecent - segment.tsVal) | 0) <= c.busy.rtt.rto
  );
}

export function arrive(c: Connection, segment: Segment, bytes: Uint8Array, ecn: number, now: number): void {
  const layer = c.layer;
  if (c.state === SYN_SENT) {
    layer.opening.arriveSynSent(c, segment, now);
    return;
  }
  const flags = segment.flags;
  // RFC 7323 5.3 R1: PAWS, not for RST, and not after 24 days of silence (5.5). A peer that stops sending timestamps is
  // tolerated: 3.2 lets us drop its segments, but then its connections hang.
  const late =
    c.timestamps &&
    segment.timestamps &&
    (flags & RST) === 0 &&
    before(segment.tsVal, c.tsRecent) &&
    now - c.heardAt < PAWS_LIFETIME;
  if (late && !overtaken(c, segment)) {
    layer.drops.count(PAWS);
    challenge(c, segment);
    return;
  }
  if (!acceptable(c, segment)) {
    const zeroProbe = (c.rcvAdv - c.rcvNxt) | 0;
    if ((flags & RST) === 0) {
      // A segment that ends at `rcvNxt` is a repetition by a peer that missed an ACK of ours. Its own ACK may be news
      // (of our FIN).
      const last = (segment.seq + segment.length) | 0;
      if (last === c.rcvNxt && segment.length > 0 && (flags & (ACK | SYN)) === ACK) {
        c.ackNow = true;
        if (!takeAck(c, segment, now)) return;
        // What was acknowledged makes room for what waits.
        layer.schedule.touch(c);
      }
      // A duplicate: report it by DSACK.
      if (c.sackOk && segment.end > segment.start && notAfter((segment.seq + segment.length) | 0, c.rcvNxt)) {
        spare(layer, flags);
        receiveText(c, segment, bytes, now);
        layer.schedule.touch(c);
        return;
      }
      if (zeroProbe <= 0 && segment.seq === c.rcvNxt && (flags & ACK) !== 0) {
        if (!takeAck(c, segment, now)) return;
        layer.schedule.touch(c);
      }
      layer.drops.count(zeroProbe <= 0 && segment.seq === c.rcvNxt ? BUFFER_FULL : OUT_OF_WINDOW);
      if (c.state !== CLOSED) challenge(c, segment);
    } else layer.drops.count(RST_INVALID);
    return;
  }
  if ((flags & RST) !== 0) {
    if (c.finReceived && c.state === FIN_WAIT_2) {
      // Both sides have sent everything; only our owner has yet to read. RFC 1337, as in TIME-WAIT.
      layer.drops.count(RST_INVALID);
      return;
    }
    // RFC 5961 3.2: only the exact number resets; others in the window are challenged.
    if (segment.seq === c.rcvNxt) layer.gone(c, c.state === SYN_RECEIVED ? 'refused' : 'reset-by-peer');
    else {
      layer.drops.count(RST_INVALID);
      challenge(c, segment);
    }
    return;
  }
  if ((flags & SYN) !== 0) {
    // RFC 5961 4.2.
    layer.drops.count(SYN_IN_WINDOW);
    challenge(c, segment);
    return;
  }
  if ((flags & ACK) === 0) {
    layer.drops.count(NO_ACK);
    return;
  }
  if (c.state === SYN_RECEIVED && !layer.opening.acknowledged(c, segment, now)) return;
  c.heardAt = now;
  if (!takeAck(c, segment, now)) return;
  // RFC 7323 4.3 (2): the timestamp to echo comes from the segment that covers Last.ACK.sent.
  if (c.timestamps && segment.timestamps && notAfter(segment.seq, c.lastAckSent) && !late) {
    c.tsRecent = segment.tsVal;
  }
  if (c.ecn) {
    // RFC 3168 6.1.3.
    if ((flags & CWR) !== 0) c.eceDue = false;
    if (ecn === ECN_CE && segment.end > segment.start) {
      c.eceDue = true;
      c.ackNow = true;
    }
  }
  if ((flags & URG) !== 0) urgentPointer(c, segment);
  if (c.state !== CLOSED) receiveText(c, segment, bytes, now);
  if (c.state !== CLOSED) layer.schedule.touch(c);
}

/**
 * RFC 9293 3.10.7.4, sixth: the owner gets a report when the end of urgent data moves (MUST-32). The data stays in the
 * stream.
 */
function urgentPointer(c: Connection, segment: Segment): void {
  const up = (segment.seq + segment.urgent) | 0;
  if (c.finReceived || c.state === CLOSED || !after(up, c.rcvNxt) || !c.busy.hasUrgent().receive(up)) return;
  c.handler.urgent?.(c, c.urgentLeft);
}

/** RFC 9293 3.10.7.4, fifth. False: the segment is to be dropped. */
function takeAck(c: Connection, segment: Segment, now: number): boolean {
  const layer = c.layer;
  const ack = segment.ack;
  // RFC 5961 5.2: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT.
  if (after(ack, c.sndMax) || before(ack, (c.sndUna - Math.max(c.maxSndWnd, 65_535)) | 0)) {
    layer.drops.count(ACK_INVALID);
    challenge(c, segment);
    return false;
  }
  if (before(ack, c.sndUna)) {
    // Old: its data counts, its window and SACK do not.
    return true;
  }
  const window = segment.window << c.sndScale;
  let changed = false;
  if (before(c.sndWl1, segment.seq) || (c.sndWl1 === segment.seq && notAfter(c.sndWl2, ack))) {
    changed = window !== c.sndWnd;
    c.sndWnd = window;
    if (window > c.maxSndWnd) c.maxSndWnd = window;
    c.sndWl1 = segment.seq;
    c.sndWl2 = ack;
  }
  processAck(c, segment, changed, segment.length, now);
  if (c.finSent && c.sndUna === c.sndMax) {
    if (c.state === FIN_WAIT_1) {
      c.state = FIN_WAIT_2;
      c.lifeAt = now + layer.limits.finWait2;
    } else if (c.heldBytes > 0 && (c.state === CLOSING || c.state === LAST_ACK)) {
      // The peer has everything, our owner has not. The connection goes on until `resume()`, and then through
      // TIME-WAIT.
      c.state = FIN_WAIT_2;
    } else if (c.state === CLOSING) {
      enterTimeWait(c, now);
      return false;
    } else if (c.state === LAST_ACK) {
      layer.gone(c, 'finished');
      return false;
    }
  }
  if (c.aboveLowWater && c.queued <= c.lowWater) {
    c.aboveLowWater = false;
    if (c.state >= ESTABLISHED && c.state !== CLOSED) c.handler.drained(c);
  }
  return true;
}
