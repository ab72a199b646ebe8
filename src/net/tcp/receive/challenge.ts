/** Challenge ACKs (RFC 5961 3.2, 4.2, 5.2), a bounded number in a period (7). */
import { dropReason } from '../../drops.js';
import { sendAck } from '../send/emit.js';
import type { Connection } from '../state/connection.js';

const CHALLENGE_LIMITED = dropReason('tcp-challenge-limited');

/** The period of `limits.challenges`, ms. */
const CHALLENGE_PERIOD = 5000;

/**
 * Sends an ACK with our current sequence numbers. `data`: the segment carried data, so that the sender needs an answer
 * (never limited).
 */
export function challenge(c: Connection, data: boolean): void {
  if (!data) {
    const { layer } = c;
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
  }
  sendAck(c);
}
