/** Challenge ACKs (RFC 5961 3.2, 4.2, 5.2), a bounded number in a period (7). */
import { dropReason } from '../../drops.js';
import { ACK, RST, type Segment, SYN } from '../../wire/tcp.js';
import { sendAck } from '../send/emit.js';
import type { Connection, TcpContext } from '../state/connection.js';
import { acknowledgeUnacceptable } from './prompt.js';

const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');

/** The period of `limits.challenges`, ms. */
const CHALLENGE_PERIOD = 5000;

/** A segment with these flags is not acceptable: see `Replying.spare`. */
export function spare(layer: TcpContext, flags: number): void {
  if ((flags & (ACK | RST)) === ACK) layer.replies.spare(layer.now);
}

/**
 * Answers `segment`, which is not acceptable, by an ACK with our current sequence numbers. The sender of data, or of a
 * FIN, needs the answer: it gets it, at the end of the turn at the latest.
 */
export function challenge(c: Connection, segment: Segment): void {
  const { layer } = c;
  const { flags } = segment;
  spare(layer, flags);
  if (segment.length === 0 || (flags & (SYN | RST)) !== 0) {
    const period = Math.floor(layer.now / CHALLENGE_PERIOD);
    if (period !== c.challengePeriod) {
      c.challengePeriod = period;
      c.challenges = 0;
    }
    if (c.challenges >= layer.limits.challenges) {
      layer.drops.count(CHALLENGE_LIMITED);
      return;
    }
    c.challenges++;
    sendAck(c);
  } else acknowledgeUnacceptable(c);
}
