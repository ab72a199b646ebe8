/** How much a segment may carry. */
import { HEAD_SIZE, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { type Handle, headersTo, type IpOutput } from '../../ip/contracts/ip-output.js';
import type { Connection } from '../state/connection.js';

/** How long a segment that passed speaks for its path, ms. */
export const PASSED_REMEMBERED = 10_000;

/** RFC 9293 3.7.1, RFC 6691: what our MSS option says to this peer. */
export function mssOption(ip: IpOutput, remote: Handle): number {
  // RFC 8200 8.3: more than the option can say is said as its most.
  return Math.min(ip.linkMtu(remote) - headersTo(remote), 0xffff);
}

/** RFC 9293 3.7.1: Eff.snd.MSS out of the peer's MSS, the path and the options on each segment. */
export function updateMss(c: Connection): void {
  const { ip } = c.layer;
  const path = ip.pathMtu(c.route) - headersTo(c.remoteAddress);
  // Where the checksum is ours to make, a segment is copied into the head, jumbo frames or not.
  const room = ip.offload.checksum ? path : Math.min(path, HEAD_SIZE - TRANSPORT_OFFSET - 40);
  c.mss = Math.max(Math.min(c.peerMss, room, c.mssCap) - (c.timestamps ? 12 : 0), 1);
}

/** A smaller MSS is none that a link asks for: RFC 791 has every one carry 68 bytes, of which 40 are headers. */
export const SMALL_MSS = 28;
/**
 * Segments so small that may be in flight, whatever congestion control lets: each costs us what one of a thousand bytes
 * does.
 */
export const SMALL_MSS_SEGMENTS = 64;
