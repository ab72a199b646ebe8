/** The answer to a SYN (RFC 9293 3.10.7.2, third). */
import { ACK, ECE, SYN } from '../../wire/tcp.js';
import { mssOption } from '../send/mss.js';
import { writeSynOptions } from '../send/syn-options.js';
import type { TcpContext } from '../state/connection.js';
import type { HalfOpen } from './half-open.js';
import { cookieTimestamp } from './syn-cookies.js';

/** SYN-ACK, with the same options each time. */
export function sendSynAck(layer: TcpContext, one: HalfOpen, cookie: boolean, now: number): void {
  const clock = layer.clocks.timestamp(one, now);
  const options = writeSynOptions(
    layer.ip.tx.view,
    mssOption(layer.ip, one.remoteAddress),
    { scale: one.scale === -1 ? -1 : layer.receiveScale, sack: one.sackOk, timestamps: one.timestamps },
    cookie ? cookieTimestamp(one, clock) : clock,
    one.tsRecent,
  );
  const flags = SYN | ACK | (one.ecn ? ECE : 0);
  layer.replies.write(one.iss, (one.irs + 1) | 0, flags, layer.initialWindow);
  layer.replies.send(one.route, one.localAddress, one.ports, options);
}

/** Sends it once more: only timestamps can show which of them is answered. */
export function repeatSynAck(layer: TcpContext, one: HalfOpen, now: number): void {
  one.repeated = true;
  one.sentAt = now;
  sendSynAck(layer, one, false, now);
}
