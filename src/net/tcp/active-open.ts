/** Active open: SYN-SENT, and SYN-RECEIVED of a simultaneous open (RFC 9293 3.10.7.3, 3.5). */
import { dropReason } from '../drops.js';
import type { Handle } from '../ip/contracts/ip-output.js';
import { ACK, RST, type Segment, SYN } from '../wire/tcp.js';
import { SHORTEST_RTT } from './flight/rto.js';
import { TIMER_RTO } from './flight/timers.js';
import { mssOption, updateMss } from './send/mss.js';
import { peerMss, writeSynOptions } from './send/syn-options.js';
import type { TcpContext } from './state/connection.js';
import { Connection } from './state/connection.js';
import { ESTABLISHED, FIN_WAIT_1, SYN_RECEIVED, SYN_SENT } from './state/states.js';
import { NONE } from './tables/time-wait.js';

const FLAGS = dropReason('tcp-flags-invalid');
const ACK_INVALID = dropReason('tcp-ack-invalid');
const RST_INVALID = dropReason('tcp-rst-invalid');

export class ActiveOpen {
  private nextPort = 0;

  constructor(private readonly layer: TcpContext) {}

  /** SYN in SYN-SENT, SYN-ACK in SYN-RECEIVED. */
  sendSyn(c: Connection, now: number): void {
    const { layer } = this;
    c.sentAt = now;
    const crossed = c.state === SYN_RECEIVED;
    const options = writeSynOptions(
      layer.ip.tx.view,
      mssOption(layer.ip, c.remoteAddress),
      {
        scale: !crossed || c.rcvScale > 0 || c.sndScale > 0 ? layer.receiveScale : -1,
        sack: !crossed || c.sackOk,
        timestamps: !crossed || c.timestamps,
      },
      layer.clocks.timestamp(c, now),
      crossed ? c.tsRecent : 0,
    );
    const flags = crossed ? SYN | ACK : SYN;
    layer.replies.write(c.iss, crossed ? c.rcvNxt : 0, flags, layer.initialWindow);
    layer.replies.send(c.route, c.localAddress, c.ports, options);
  }

  /** RFC 9293 3.10.7.3. */
  arriveSynSent(c: Connection, segment: Segment, now: number): void {
    const { layer } = this;
    const flags = segment.flags;
    const acked = (flags & ACK) !== 0;
    if (acked && segment.ack !== ((c.iss + 1) | 0)) {
      layer.drops.count(ACK_INVALID);
      layer.replies.refuse(segment, c.remoteAddress, c.localAddress, c.ports);
      return;
    }
    if ((flags & RST) !== 0) {
      if (acked) layer.gone(c, 'refused');
      else layer.drops.count(RST_INVALID);
      return;
    }
    if ((flags & SYN) === 0) {
      layer.drops.count(FLAGS);
      return;
    }
    c.timestamps = segment.timestamps;
    c.tsRecent = segment.timestamps ? segment.tsVal : 0;
    c.sackOk = segment.sackPermitted;
    c.peerMss = peerMss(segment.mss);
    c.sndScale = Math.max(segment.scale, 0);
    if (acked) {
      c.irs = segment.seq;
      c.rcvNxt = c.lastAckSent = (segment.seq + 1) | 0;
      c.rcvScale = segment.scale === -1 ? 0 : layer.receiveScale;
      c.rcvAdv = (c.rcvNxt + layer.initialWindow) | 0;
      c.sndWnd = c.maxSndWnd = segment.window;
      c.sndWl1 = segment.seq;
      c.sndWl2 = segment.ack;
      c.state = ESTABLISHED;
      if (c.busy.timers.backoff === 0) c.busy.rtt.sample(Math.max(now - c.sentAt, SHORTEST_RTT));
      else this.measureEcho(c, segment, now);
      c.ackNow = true;
      this.ready(c, now);
      return;
    }
    // Simultaneous open (RFC 9293 MUST-10): SYN-RECEIVED until our SYN is acknowledged.
    c.irs = segment.seq;
    c.rcvNxt = c.lastAckSent = (segment.seq + 1) | 0;
    c.rcvScale = segment.scale === -1 ? 0 : layer.receiveScale;
    c.rcvAdv = (c.rcvNxt + layer.initialWindow) | 0;
    c.state = SYN_RECEIVED;
    c.sndWnd = c.maxSndWnd = segment.window;
    c.sndWl1 = segment.seq;
    c.sndWl2 = c.iss;
    this.sendSyn(c, now);
  }

  /** An ACK in SYN-RECEIVED of a simultaneous open. False: it does not acknowledge our SYN. */
  acknowledged(c: Connection, segment: Segment, now: number): boolean {
    if (segment.ack !== ((c.iss + 1) | 0)) {
      this.layer.drops.count(ACK_INVALID);
      this.layer.replies.refuse(segment, c.remoteAddress, c.localAddress, c.ports);
      return false;
    }
    c.state = ESTABLISHED;
    this.ready(c, now);
    return true;
  }

  /**
   * Our SYN left more than once. Only the timestamp that comes back shows which of them was answered (RFC 7323 4). An
   * echo of an earlier SYN measures nothing: a peer whose SYN-ACKs are lost may echo the first SYN for as long as it
   * sends them.
   */
  private measureEcho(c: Connection, segment: Segment, now: number): void {
    const newest = this.layer.clocks.timestamp(c, c.sentAt);
    if (c.timestamps && segment.tsEcr === newest) c.busy.rtt.echoed(Math.max(now - c.sentAt, SHORTEST_RTT));
  }

  private ready(c: Connection, now: number): void {
    const timeouts = c.busy.timers.backoff;
    if (timeouts > 0) c.busy.rtt.handshakeTimedOut();
    c.busy.timers.stop();
    c.busy.timers.progress();
    c.sndUna = c.sndNxt = c.sndMax = c.busy.recover = (c.iss + 1) | 0;
    c.busy.ecnRecover = c.iss;
    c.heardAt = now;
    updateMss(c);
    this.layer.counters.opened++;
    c.busy.cc.start(c, now);
    // RFC 6928 2: the window is one segment after more than one lost SYN. A single time-out may be the timer's fault.
    if (timeouts > 1) c.busy.cc.cwnd = c.mss;
    c.busy.opened?.();
    if (c.closing && c.state === ESTABLISHED) c.state = FIN_WAIT_1;
    this.layer.schedule.touch(c);
  }

  /**
   * Active open (RFC 9293 3.9.1.1) from `local` to `remote:port`. `opened` is called when the connection is
   * established, else the handler's `closed`. Undefined: there is no route, or no port is free.
   */
  connect(
    local: Handle,
    remote: Handle,
    port: number,
    now: number,
    opened: (c: Connection) => void,
  ): Connection | undefined {
    const { layer } = this;
    layer.now = now;
    // RFC 9293 MUST-46.
    if (remote === 0 || remote === -1 || layer.ip.isGroup(remote)) return undefined;
    const route = layer.ip.route(remote);
    if (route === undefined) return undefined;
    const ports = this.choosePort(local, remote, port);
    if (ports === undefined) return undefined;
    const c = new Connection(layer, route, local, remote, ports);
    c.fromPassive = false;
    c.state = SYN_SENT;
    c.tsOffset = layer.clocks.timestampOffset(local, remote);
    c.iss = layer.clocks.initialSequence(local, remote, ports);
    c.sndUna = c.iss;
    c.sndNxt = c.sndMax = (c.iss + 1) | 0;
    layer.connections.add(c);
    try {
      c.busy.queue.reset(c.sndNxt);
      c.busy.opened = () => opened(c);
      c.busy.timers.arm(TIMER_RTO, now + 1000);
      this.sendSyn(c, now);
      layer.schedule.rearm(c);
    } catch (error) {
      layer.faulted(c, error);
      return undefined;
    }
    return c;
  }

  /** RFC 6056 3.3.3, algorithm 3: a keyed start, then upwards. */
  private choosePort(local: Handle, remote: Handle, port: number): number | undefined {
    const { layer } = this;
    const offset = layer.hash.of(layer.clocks.digest(local), layer.clocks.digest(remote), port, 0x6056) >>> 0;
    for (let i = 0; i < 16_384; i++) {
      const ours = 49_152 + ((offset + this.nextPort++) % 16_384);
      const ports = (port << 16) | ours;
      if (layer.listening.has(ours)) continue;
      if (layer.connections.get(remote, local, ports) !== undefined) continue;
      if (layer.waiting.find(remote, local, ports) !== NONE) continue;
      return ports;
    }
    return undefined;
  }
}
