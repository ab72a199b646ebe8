/** Writes segments of a connection (RFC 9293 3.1): header, options and data by reference, as the device wants them. */
import { HEADROOM, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { ECN_ECT0, ECN_NOT_ECT } from '../../ip/contracts/ip-output.js';
import { addWords, fold } from '../../wire/checksum.js';
import { ACK, CWR, ECE, FIN, PROTOCOL_TCP, PSH, putInt32, URG } from '../../wire/tcp.js';
import { after } from '../numbers/sequence.js';
import type { Connection } from '../state/connection.js';
import { STATE_NAMES } from '../state/states.js';
import { report } from './probing.js';

/**
 * Bytes that we may advertise now, the right edge never moving left (RFC 9293 SHLD-14), without silly windows
 * (3.8.6.2.2).
 */
function receiveWindow(c: Connection): number {
  const { busy } = c;
  const buffer = c.layer.limits.receiveBuffer;
  const kept = c.heldBytes + (busy.reassembly === undefined ? 0 : busy.reassembly.size);
  const promised = (c.rcvAdv - c.rcvNxt) | 0;
  const free = Math.max(0, buffer - kept);
  if (free > promised && free - promised < Math.min(buffer >> 1, c.mss) && promised > 0) return promised;
  if (free <= promised) return Math.max(promised, 0);
  return free < Math.min(buffer >> 1, c.mss) ? Math.max(promised, 0) : free;
}

/**
 * Writes one segment with `length` bytes of the queue from `seq` on; returns the bytes that it took. One without data
 * or FIN has the SACK option where there is something to report. `fresh`: it was never sent before (RFC 3168 6.1.5: no
 * retransmission is ECN-capable; 6.1.2: CWR goes with new data).
 */
export function emit(c: Connection, seq: number, length: number, flags: number, fresh = false): number {
  const { busy } = c;
  const ip = c.layer.ip;
  const tx = ip.tx;
  const { head, view } = tx;
  tx.reset();
  const at = TRANSPORT_OFFSET;
  let option = at + 20;
  if (c.timestamps) {
    view.setInt32(option, 0x0101080a);
    view.setInt32(option + 4, c.layer.clocks.stamp(c));
    view.setInt32(option + 8, c.tsRecent);
    option += 12;
  }
  if (c.sackOk && length === 0 && (flags & FIN) === 0) option = writeSack(c, head, option);
  let taken = 0;
  tx.length = option - HEADROOM;
  if (length > 0) {
    // Where the device makes the checksum, references cost less than copies, even for small answers. Otherwise the
    // bytes are needed here.
    if (length <= c.mss && !ip.offload.checksum) {
      busy.queue.copy(head, option, seq, length);
      taken = length;
      tx.length += length;
    } else taken = busy.queue.fill(tx, seq, length);
  }
  const window = receiveWindow(c);
  // Rounded up: rounded down, the right edge would move left by less than a unit of the scale.
  const field = Math.min((window + (1 << c.rcvScale) - 1) >> c.rcvScale, 0xffff);
  const edge = (c.rcvNxt + (field << c.rcvScale)) | 0;
  if (after(edge, c.rcvAdv)) c.rcvAdv = edge;
  // FIN stands behind all of the queue: a frame whose places were all taken earlier does not reach it.
  let bits = taken < length ? flags & ~FIN : flags;
  if (c.eceDue) bits |= ECE;
  if (fresh && c.cwrDue) {
    bits |= CWR;
    c.cwrDue = false;
  }
  let urgent = 0;
  if (busy.urgent?.sending === true) {
    // RFC 9293 MUST-62: the first octet that is not urgent.
    urgent = Math.min((busy.urgent.sendEnd - seq) | 0, 0xffff);
    if (urgent > 0) bits |= URG;
    else urgent = 0;
  }
  // PSH on the last byte that is queued (RFC 9293 MUST-61).
  if (taken > 0 && ((seq + taken) | 0) === busy.queue.end) bits |= PSH;
  view.setUint16(at, c.localPort);
  view.setUint16(at + 2, c.remotePort);
  view.setInt32(at + 4, seq);
  view.setInt32(at + 8, c.rcvNxt);
  head[at + 12] = ((option - at) >> 2) << 4;
  head[at + 13] = bits;
  view.setUint16(at + 14, field);
  view.setInt32(at + 16, urgent);
  const total = option - at + taken;
  const pseudo = ip.pseudo(c.localAddress, c.remoteAddress, PROTOCOL_TCP, total);
  if (ip.offload.checksum) {
    view.setUint16(at + 16, fold(pseudo));
    tx.checksumStart = at - HEADROOM;
    tx.checksumOffset = 16;
    if (taken > c.mss) {
      tx.segmentSize = c.mss;
      tx.segmentHeader = option - HEADROOM;
    }
  } else view.setUint16(at + 16, ~fold(addWords(pseudo, head, at, HEADROOM + tx.length)) & 0xffff);
  tx.dontFragment = true;
  tx.tos = c.tos | (fresh && c.ecn ? ECN_ECT0 : ECN_NOT_ECT);
  ip.send(c.route, c.localAddress, PROTOCOL_TCP);
  c.ackNow = false;
  c.unacked = 0;
  busy.timers.ackSent();
  c.lastAckSent = c.rcvNxt;
  c.layer.counters.segmentsOut++;
  if (c.layer.probe !== undefined) {
    const seen = { direction: 'out', seq, ack: c.rcvNxt, flags: bits, length: taken, window: field } as const;
    const before = STATE_NAMES[c.state];
    const name = { remote: c.remoteAddress, local: c.localAddress, ports: c.ports };
    report(c.layer.probe, c.layer, name, before, seen);
  }
  return taken;
}

function writeSack(c: Connection, head: Uint8Array, start: number): number {
  const { busy } = c;
  const blocks = c.layer.sackBlocks;
  let count = 0;
  if (busy.dsackLeft !== busy.dsackRight) {
    blocks[0] = busy.dsackLeft;
    blocks[1] = busy.dsackRight;
    count = 1;
    busy.dsackLeft = busy.dsackRight = 0;
  }
  const most = c.timestamps ? 3 : 4;
  if (busy.reassembly !== undefined && !busy.reassembly.empty) {
    count += busy.reassembly.blocks(blocks, count * 2, most - count);
  }
  if (count === 0) return start;
  head[start] = 1;
  head[start + 1] = 1;
  head[start + 2] = 5;
  head[start + 3] = 2 + count * 8;
  for (let i = 0; i < count * 2; i++) putInt32(head, start + 4 + i * 4, blocks[i]);
  return start + 4 + count * 8;
}

/** A segment without data: ACK, window update, challenge. */
export function sendAck(c: Connection): void {
  emit(c, c.sndNxt, 0, ACK);
}
