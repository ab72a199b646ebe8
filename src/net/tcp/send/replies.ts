/**
 * Segments that belong to no connection: RST (RFC 9293 3.10.7.1), and answers out of TIME-WAIT. They are written byte
 * by byte into `tx`.
 */
import { HEADROOM, TRANSPORT_OFFSET } from '../../device/tx-frame.js';
import { dropReason } from '../../drops.js';
import { ECN_NOT_ECT, type Handle, type Route } from '../../ip/contracts/ip-output.js';
import { TokenBucket } from '../../ip/contracts/token-bucket.js';
import { addWords, fold } from '../../wire/checksum.js';
import { ACK, FIN, int32At, PROTOCOL_TCP, RST, type Segment, SYN, uint16At } from '../../wire/tcp.js';
import { after, before } from '../numbers/sequence.js';
import type { Connection, TcpContext } from '../state/connection.js';
import { SYN_SENT } from '../state/states.js';
import type { TimeWait } from '../tables/time-wait.js';
import { report, stateName } from './probing.js';

const NO_ROUTE = dropReason('ip-no-route');
const IN_TIME_WAIT = dropReason('tcp-time-wait');
const AFTER_CLOSE = dropReason('tcp-after-close');
const STRAY_LIMITED = dropReason('tcp-stray-limited');

export class Replies {
  private readonly strays: TokenBucket;
  private readonly late: TokenBucket;

  constructor(private readonly layer: TcpContext) {
    const { strays } = layer.limits;
    this.strays = new TokenBucket(strays, strays);
    this.late = new TokenBucket(strays, strays);
  }

  /**
   * Counts a segment for which no RST is due only because there is a connection. Otherwise a stranger could forge
   * segments of others and see from the RSTs that are left for itself which connections exist (as in CVE-2016-5696).
   */
  spare(now: number): void {
    this.strays.take(now);
  }

  write(seq: number, ack: number, flags: number, window: number): this {
    const { head, view } = this.layer.ip.tx;
    const at = TRANSPORT_OFFSET;
    view.setInt32(at + 4, seq);
    view.setInt32(at + 8, ack);
    head[at + 13] = flags;
    view.setUint16(at + 14, window);
    return this;
  }

  send(route: Route, local: Handle, ports: number, options = 0): void {
    const ip = this.layer.ip;
    const { head, view } = ip.tx;
    const at = TRANSPORT_OFFSET;
    const length = 20 + options;
    ip.tx.reset();
    ip.tx.length = at + length - HEADROOM;
    view.setUint16(at, ports & 0xffff);
    view.setUint16(at + 2, ports >>> 16);
    head[at + 12] = (length >> 2) << 4;
    view.setInt32(at + 16, 0);
    const pseudo = ip.pseudo(local, route.destination, PROTOCOL_TCP, length);
    if (ip.offload.checksum) {
      view.setUint16(at + 16, fold(pseudo));
      ip.tx.checksumStart = at - HEADROOM;
      ip.tx.checksumOffset = 16;
    } else view.setUint16(at + 16, ~fold(addWords(pseudo, head, at, at + length)) & 0xffff);
    const { layer } = this;
    layer.counters.segmentsOut++;
    if (layer.probe !== undefined) {
      const name = { remote: route.destination, local, ports };
      const [seq, ack] = [int32At(head, at + 4), int32At(head, at + 8)];
      const [flags, window] = [head[at + 13], uint16At(head, at + 14)];
      const seen = { direction: 'out', seq, ack, flags, length: 0, window } as const;
      report(layer.probe, layer, name, stateName(layer, name), seen);
    }
    ip.tx.dontFragment = true;
    ip.tx.tos = ECN_NOT_ECT;
    ip.send(route, local, PROTOCOL_TCP);
  }

  /** Writes the timestamps option where `send` wants options; returns its length. */
  timestamps(value: number, echo: number): number {
    const { view } = this.layer.ip.tx;
    const at = TRANSPORT_OFFSET + 20;
    view.setInt32(at, 0x0101080a);
    view.setInt32(at + 4, value);
    view.setInt32(at + 8, echo);
    return 12;
  }

  /** RST of a connection of ours. */
  reset(c: Connection): void {
    if (c.state === SYN_SENT) return;
    this.layer.counters.resetsSent++;
    this.write(c.sndNxt, c.rcvNxt, RST | ACK, 0).send(c.route, c.localAddress, c.ports);
  }

  /** RFC 9293 3.5.2 group 1: the answer to a segment for which there is no connection; never to a RST. */
  refuse(segment: Segment, source: Handle, destination: Handle, ports: number): void {
    const { layer } = this;
    if ((segment.flags & RST) !== 0) return;
    // This comes before the look-up of the route, which costs more than all the rest.
    if (!this.strays.take(layer.now)) {
      layer.drops.count(STRAY_LIMITED);
      return;
    }
    const route = layer.ip.route(source);
    if (route === undefined) {
      layer.drops.count(NO_ROUTE);
      return;
    }
    layer.counters.resetsSent++;
    if ((segment.flags & ACK) !== 0) this.write(segment.ack, 0, RST, 0);
    else this.write(0, (segment.seq + segment.length) | 0, RST | ACK, 0);
    this.send(route, destination, ports);
  }

  /**
   * A segment for a connection in TIME-WAIT, `row` of the table. True: it is a SYN that may open anew, and TIME-WAIT is
   * over.
   */
  timeWait(row: number, one: TimeWait, segment: Segment, now: number): boolean {
    const { layer } = this;
    const flags = segment.flags;
    // RFC 1337: a RST does not end TIME-WAIT, with one exception. It ends TIME-WAIT if it has exactly the number that
    // we expect (RFC 5961 3.2) and answers our answer to a SYN. Then a host that does not know this connection wants
    // the four-tuple, as behind an address translator.
    if ((flags & RST) !== 0) {
      if (segment.seq === one.rcvNxt && layer.waiting.answeredSyn(row)) layer.waiting.delete(row);
      layer.drops.count(IN_TIME_WAIT);
      return false;
    }
    if ((flags & (SYN | ACK)) === SYN) {
      // RFC 6191 2, and RFC 9293 MAY-2 without timestamps.
      const stamped = one.timestamps && segment.timestamps;
      const older = stamped && before(segment.tsVal, one.tsRecent);
      if ((stamped && after(segment.tsVal, one.tsRecent)) || (!older && after(segment.seq, one.rcvNxt))) {
        layer.waiting.delete(row);
        return true;
      }
    }
    let { rcvNxt } = one;
    if (one.open && segment.seq === rcvNxt && segment.length > 0 && (flags & (SYN | ACK)) === ACK) {
      if (segment.end > segment.start) {
        // RFC 9293 SHLD-3: the owner will not read this data.
        layer.drops.count(AFTER_CLOSE);
        layer.waiting.delete(row);
        this.refuse(segment, one.remoteAddress, one.localAddress, one.ports);
        return false;
      }
      layer.waiting.ended(row);
      rcvNxt = (rcvNxt + 1) | 0;
    }
    layer.drops.count(IN_TIME_WAIT);
    // A bare ACK that fits asks for nothing. A peer in TIME-WAIT would answer our answer as well, without end.
    if (segment.length === 0 && segment.seq === one.rcvNxt) return false;
    if ((flags & FIN) !== 0) {
      const order = !one.timestamps || !segment.timestamps || !before(segment.tsVal, one.tsRecent);
      // RFC 9293 3.10.7.4, FIN bit: the 2 MSL time-out begins anew.
      if (order) layer.waiting.restart(row, now);
    }
    if (!this.late.take(now)) {
      layer.drops.count(STRAY_LIMITED);
      return false;
    }
    const route = layer.ip.route(one.remoteAddress);
    if (route === undefined) return false;
    layer.waiting.answers(row, (flags & (SYN | ACK)) === SYN);
    const options = one.timestamps ? this.timestamps(layer.clocks.timestamp(one, now), one.tsRecent) : 0;
    this.write(one.sndNxt, rcvNxt, ACK, one.window).send(route, one.localAddress, one.ports, options);
    return false;
  }
}
