/**
 * What an acceptable segment brings: data in order to the owner, data out of order to the reassembly, FIN (9293
 * 3.10.7.4).
 */

import { dropReason } from '../../drops.js';
import type { Segment } from '../../wire/tcp.js';
import { FIN } from '../../wire/tcp.js';
import { after, before, notAfter } from '../numbers/sequence.js';
import { settle } from '../state/charge.js';
import type { Connection } from '../state/connection.js';
import { Held } from '../state/held.js';
import { Reassembly } from '../state/reassembly.js';
import { BLOCK } from '../state/sparse-bytes.js';
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
} from '../state/states.js';
import { enterTimeWait } from './ending.js';
import { apart } from './prompt.js';

const REASSEMBLY_FULL = dropReason('tcp-reassembly-full');
const DUPLICATE = dropReason('tcp-duplicate');
const MEMORY_LIMIT = dropReason('tcp-memory-limit');
const AFTER_CLOSE = dropReason('tcp-after-close');

/**
 * Acknowledges every second full segment at once, and at first each one. Other segments are acknowledged within the
 * delay.
 */
function acknowledge(c: Connection, length: number, now: number): void {
  c.unacked += length;
  if (length > c.rcvMss) c.rcvMss = Math.min(length, 0xffff);
  if (c.unacked >= 2 * Math.min(c.mss, c.rcvMss) || c.quickAcks > 0) {
    if (c.quickAcks > 0) c.quickAcks--;
    c.ackNow = true;
  } else c.busy.timers.delayAck(now, c.layer.limits.delayedAck);
}

function give(c: Connection, bytes: Uint8Array, start: number, end: number): void {
  if (c.state === CLOSED) return;
  if (c.paused) {
    c.busy.held ??= new Held();
    c.busy.held.push(bytes, start, end);
    c.heldBytes += end - start;
    settle(c);
  } else c.handler.data(c, bytes, start, end);
}

/** `true` when the segment was good for something. */
export function receiveText(c: Connection, segment: Segment, bytes: Uint8Array, now: number): void {
  let seq = segment.seq;
  let start = segment.start;
  const length = segment.end - segment.start;
  const fin = (segment.flags & FIN) !== 0;
  if (length === 0 && !fin) return;
  if (c.finReceived) {
    // RFC 9293 3.10.7.4, seventh: text beyond the FIN is ignored. What comes again is acknowledged again.
    if (before(seq, c.rcvNxt)) c.ackNow = true;
    return;
  }
  if (fin && notAfter(c.rcvNxt, (seq + length) | 0)) {
    c.busy.finPending = true;
    c.busy.finAt = (seq + length) | 0;
  }
  if (length > 0) {
    const end = (seq + length) | 0;
    if (notAfter(end, c.rcvNxt)) {
      // All of it is old: RFC 2883 4.1.
      duplicate(c, seq, end);
      c.layer.drops.count(DUPLICATE);
      if (!c.busy.finPending || c.busy.finAt !== c.rcvNxt) return;
    } else {
      if (before(seq, c.rcvNxt)) {
        if (c.sackOk) {
          c.busy.dsackLeft = seq;
          c.busy.dsackRight = c.rcvNxt;
        }
        start += (c.rcvNxt - seq) | 0;
        seq = c.rcvNxt;
      }
      // What lies beyond the window is cut off.
      let stop = segment.end;
      const over = (end - c.rcvAdv) | 0;
      if (over > 0) {
        stop -= over;
        if (c.busy.finPending && after(c.busy.finAt, c.rcvAdv)) c.busy.finPending = false;
      }
      if (c.readingEnded) {
        // RFC 9293 SHLD-3: the owner will not read it, and the peer must not take it for read.
        c.layer.drops.count(AFTER_CLOSE);
        c.layer.abort(c, 'reset-by-us');
        return;
      }
      if (seq !== c.rcvNxt) {
        apart(c);
        const limit = c.layer.limits.receiveBuffer - c.heldBytes;
        c.ackNow = true;
        if (!c.layer.budget.keep(c, stop - start + BLOCK)) {
          c.layer.drops.count(MEMORY_LIMIT);
          return;
        }
        c.busy.reassembly ??= new Reassembly(c.layer.steps);
        if (c.busy.finPending && fin) c.busy.reassembly.fin(c.busy.finAt);
        if (!c.busy.reassembly.add(seq, bytes, start, stop, limit)) c.layer.drops.count(REASSEMBLY_FULL);
        settle(c);
        tellTwice(c, c.busy.reassembly);
        return;
      }
      if (c.paused && !c.layer.budget.keep(c, stop - start + BLOCK)) {
        c.layer.drops.count(MEMORY_LIMIT);
        return;
      }
      c.rcvNxt = (seq + stop - start) | 0;
      c.busy.prompt = 0;
      acknowledge(c, stop - start, now);
      // FIN-WAIT-2 ends early only when nothing comes, not while the peer still sends data.
      if (c.state === FIN_WAIT_2) c.lifeAt = now + c.layer.limits.finWait2;
      give(c, bytes, start, stop);
      const kept = c.busy.reassembly;
      if (kept !== undefined && !kept.empty) {
        c.ackNow = true;
        c.rcvNxt = kept.drain(c.rcvNxt, (b, s, e) => give(c, b, s, e));
        tellTwice(c, kept);
        if (kept.empty) c.busy.reassembly = undefined;
        if (c.state !== CLOSED) settle(c);
      }
    }
  }
  if (c.busy.finPending && c.busy.finAt === c.rcvNxt) receiveFin(c, now);
  else if (fin && !c.finReceived) {
    c.ackNow = true;
    if (c.busy.finPending && length === 0) {
      c.busy.reassembly ??= new Reassembly(c.layer.steps);
      c.busy.reassembly.fin(c.busy.finAt);
      settle(c);
    }
  }
}

/** RFC 2883 4.1: reports data out of order that came again while it was kept, or after that. */
function tellTwice(c: Connection, { twiceLeft, twiceRight }: Reassembly): void {
  if (!c.sackOk || c.state === CLOSED || twiceLeft === twiceRight || c.busy.dsackLeft !== c.busy.dsackRight) return;
  c.busy.dsackLeft = twiceLeft;
  c.busy.dsackRight = twiceRight;
}

function duplicate(c: Connection, left: number, right: number): void {
  // An ACK has room for one (RFC 2883 4).
  if (c.busy.dsackLeft !== c.busy.dsackRight) apart(c);
  if (c.sackOk) {
    c.busy.dsackLeft = left;
    c.busy.dsackRight = right;
  }
  c.ackNow = true;
}

/** RFC 9293 3.10.7.4, eighth: the FIN is next in order. */
function receiveFin(c: Connection, now: number): void {
  if (c.state === CLOSED) return;
  c.finReceived = true;
  c.busy.finPending = false;
  c.rcvNxt = (c.rcvNxt + 1) | 0;
  c.ackNow = true;
  c.busy.reassembly = undefined;
  settle(c);
  if (c.state === ESTABLISHED || c.state === SYN_RECEIVED) c.state = CLOSE_WAIT;
  else if (c.state === FIN_WAIT_1) c.state = c.finSent && c.sndUna === c.sndMax ? FIN_WAIT_2 : CLOSING;
  // While the owner does not read, the unread data comes before the end: `releaseHeld` reports the end then.
  if (c.heldBytes === 0) tellEnd(c, now);
  else if (c.state === FIN_WAIT_2) c.lifeAt = Number.POSITIVE_INFINITY;
  if (c.state === CLOSE_WAIT && c.closing) c.state = LAST_ACK;
}

function tellEnd(c: Connection, now: number): void {
  c.handler.ended(c);
  if (c.state === FIN_WAIT_2) enterTimeWait(c, now);
}

/** The owner reads again. */
export function resumed(c: Connection): void {
  releaseHeld(c);
  // After its FIN the peer does not wait for a window any more.
  if (c.state === CLOSED || c.finReceived) return;
  c.ackNow = true;
  c.layer.schedule.touch(c);
}

/** Held data goes to the owner, until the owner pauses again. */
function releaseHeld(c: Connection): void {
  const held = c.busy.held;
  if (held === undefined) return;
  while (held.size > 0 && !c.paused && c.state !== CLOSED) {
    held.shift((bytes, start, end) => {
      c.heldBytes -= end - start;
      settle(c);
      c.handler.data(c, bytes, start, end);
    });
  }
  if (held.size === 0) {
    c.busy.held = undefined;
    settle(c);
    if (c.finReceived && c.state !== CLOSED) tellEnd(c, c.layer.now);
  }
}
