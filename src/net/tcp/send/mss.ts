/** How much a segment may carry. */
import { HEAD_SIZE, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { type Handle, headersTo, type IpOutput } from '../../ip/contracts/ip-output.js';
import type { Connection } from '../state/connection.js';

/** How long a segment that passed counts as evidence for its path, ms. */
export const PASSED_REMEMBERED = 10_000;

/** RFC 9293 3.7.1, RFC 6691: what our MSS option says to this peer. */
export function mssOption(ip: IpOutput, remote: Handle): number {
  // RFC 8200 8.3: a value that is too large for the option is sent as the option's largest.
  return Math.min(ip.linkMtu(remote) - headersTo(remote), 0xffff);
}

/** RFC 9293 3.7.1: Eff.snd.MSS out of the peer's MSS, the path and the options on each segment. */
export function updateMss(c: Connection): void {
  const { ip } = c.layer;
  const path = ip.pathMtu(c.route) - headersTo(c.remoteAddress);
  // Where the checksum is ours to make, a segment is copied into the head, even a jumbo frame.
  const room = ip.offload.checksum ? path : Math.min(path, HEAD_SIZE - TRANSPORT_OFFSET - 40);
  c.mss = Math.max(Math.min(c.peerMss, room, c.mssCap) - (c.timestamps ? 12 : 0), 1);
}

/** No link asks for an MSS smaller than this: RFC 791 has every link carry 68 bytes, of which 40 are headers. */
export const SMALL_MSS = 28;
/**
 * Most segments below that size in flight, whatever congestion control allows: each of them costs us what one of a
 * thousand bytes costs.
 */
export const SMALL_MSS_SEGMENTS = 64;
