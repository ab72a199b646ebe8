/** How much a segment may carry. */
import { HEAD_SIZE, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import type { Connection } from '../state/connection.js';

/** How long a segment that passed speaks for its path, ms. */
export const PASSED_REMEMBERED = 10_000;

/** RFC 9293 3.7.1: Eff.snd.MSS out of the peer's MSS, the path and the options on each segment. */
export function updateMss(c: Connection): void {
  const { ip } = c.layer;
  const path = ip.pathMtu(c.route) - 40;
  // Where the checksum is ours to make, a segment is copied into the head, jumbo frames or not.
  const room = ip.offload.checksum ? path : Math.min(path, HEAD_SIZE - TRANSPORT_OFFSET - 40);
  c.mss = Math.max(Math.min(c.peerMss, room, c.mssCap) - (c.timestamps ? 12 : 0), 36);
}
