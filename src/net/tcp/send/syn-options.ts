/** The options that both sides of a handshake send (RFC 9293 3.2, RFC 7323, RFC 2018). */
import { TRANSPORT_OFFSET } from '../../device/tx-frame.js';

/**
 * What the peer takes in a segment, by its MSS option (-1: none). RFC 9293 MUST-15: 536 without the option, or when its
 * value cannot be meant. A tiny value is kept (MUST-16); `SMALL_MSS_SEGMENTS` bounds what it costs.
 */
export function peerMss(option: number): number {
  return option <= 0 ? 536 : option;
}

/** What a SYN offers beside its MSS. */
interface Offer {
  /** Window shift, 0..14; -1: no window scaling. */
  readonly scale: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
}

/**
 * Writes the options of a SYN or SYN-ACK into the frame, by its `view`: MSS first, scale last. `value` and `echo` are
 * those of the timestamps. Returns how many bytes they take.
 */
export function writeSynOptions(
  view: DataView,
  mss: number,
  { scale, sack, timestamps }: Offer,
  value: number,
  echo: number,
): number {
  let at = TRANSPORT_OFFSET + 20;
  view.setInt32(at, 0x02040000 | mss);
  at += 4;
  if (timestamps) {
    view.setInt32(at, sack ? 0x0402080a : 0x0101080a);
    view.setInt32(at + 4, value);
    view.setInt32(at + 8, echo);
    at += 12;
  } else if (sack) {
    view.setInt32(at, 0x01010402);
    at += 4;
  }
  if (scale >= 0) {
    view.setInt32(at, 0x01030300 | scale);
    at += 4;
  }
  return at - TRANSPORT_OFFSET - 20;
}
