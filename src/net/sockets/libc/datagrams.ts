/**
 * Datagrams without Node: many of them are read by one call of libc and answered by another, in the loop of
 * `epoll-loop.ts`. A datagram of
 * Node's costs some 15 µs; this costs a share of the two calls. Linux only; `node-datagrams.ts` has the one for
 * everywhere.
 */

import { UserError } from '../../../errors/user-error.js';
import { EINTR, errnoCode, SystemError } from '../../../native/libc/errno.js';
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import { bindDatagrams } from '../../../native/sockets/bind-datagrams.js';
import { SocketAddress } from '../../../native/sockets/socket-address.js';
import {
  AF_INET,
  AF_INET6,
  EPOLL_CTL_DEL,
  EPOLLIN,
  MESSAGE_VECTOR,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_RCVBUF,
  SOL_SOCKET,
  type SocketCalls,
} from '../../../native/sockets/sockets.js';
import type { Containment } from '../../containment.js';
import {
  type Datagram,
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  type OnDatagram,
} from '../../datagrams.js';
import type { Endpoint } from '../../flow.js';
import { parseIp } from '../../ip-text.js';
import { LocalAddress } from '../common/local-address.js';
import { addressOfName } from '../common/name.js';
import { listenError } from '../common/options.js';
import { EpollLoop, type Watcher } from './epoll-loop.js';
import { AT_ONCE, MessageVector, NAME, SIZE } from './message-vector.js';

/** Bytes that the kernel keeps of what comes between two looks; it lowers it to its own bound. */
const RECEIVE_BUFFER = 4 * 2 ** 20;

/** What the ports of a process share. */
interface Shared {
  readonly loop: EpollLoop;
  readonly socketAddress: SocketAddress;
  /** Of ports that were closed: pinned memory is never given back. */
  readonly spare: MessageVector[];
  /** For options. */
  readonly small: Pinned;
  readonly faults: Containment;
}

export class OwnDatagrams implements Datagrams {
  private readonly shared: Shared;

  /**
   * `host`: the address to bind, in text. `option`: what chooses the port. `given`: a socket that is bound there
   * already, for the first port that is named. Throws where libc's calls cannot be had.
   */
  constructor(
    private readonly host: string,
    private readonly option: string,
    faults: Containment,
    private given?: number | undefined,
  ) {
    const loop = EpollLoop.get();
    this.shared = { loop, socketAddress: new SocketAddress(loop.calls), spare: [], small: pinned(4), faults };
  }

  async bind(port: number, onDatagram: OnDatagram): Promise<DatagramPort> {
    const { host, shared } = this;
    const address = shared.socketAddress.accepts(host) ? host : await addressOfName(host);
    const given = port === 0 ? undefined : this.given;
    if (given !== undefined) this.given = undefined;
    try {
      return new OwnPort(shared, address, port, onDatagram, given);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const code = errnoCode(error.errno);
      throw new UserError(listenError(Object.assign(new Error(code), { code }), host, port, this.option));
    }
  }
}

class OwnPort implements DatagramPort, Watcher {
  readonly endpoint: Endpoint;
  private readonly calls: SocketCalls;
  private readonly fd: number;
  private readonly family: number;
  private readonly received: MessageVector;
  private readonly sending: MessageVector;
  private readonly localAddress: LocalAddress;
  private queued = 0;
  private inCall = false;
  private open = true;
  private readonly source = datagramAddress();
  private readonly local = datagramAddress();
  private readonly datagram: { -readonly [key in keyof Datagram]: Datagram[key] };

  constructor(
    private readonly shared: Shared,
    address: string,
    port: number,
    private readonly onDatagram: OnDatagram,
    given: number | undefined,
  ) {
    const { loop, socketAddress, spare } = shared;
    const { calls } = loop;
    this.calls = calls;
    this.received = spare.pop() ?? new MessageVector();
    this.sending = spare.pop() ?? new MessageVector();
    // What sent before had the lengths of what it sent.
    for (let i = 0; i < AT_ONCE; i++) this.received.setLength(i, SIZE);
    this.family = address.includes(':') ? AF_INET6 : AF_INET;
    this.fd = given ?? bindDatagrams(address, port);
    const anywhere = parseIp(address.split('%')[0]!)?.every((byte) => byte === 0) === true;
    this.localAddress = new LocalAddress(this.family, anywhere);
    for (const [level, name] of this.localAddress.options) this.setOption(level, name, 1);
    this.setOption(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    this.endpoint = socketAddress.ask('getsockname', this.fd);
    const { source, local } = this;
    if (!anywhere) setText(local, this.endpoint.address);
    local.port = this.endpoint.port;
    this.datagram = { bytes: this.received.bytes, start: 0, end: 0, source, local };
    loop.add(this.fd, 0, EPOLLIN, this);
    loop.attach(this);
  }

  private setOption(level: number, name: number, value: number): void {
    const { bytes, address } = this.shared.small;
    new DataView(bytes.buffer, bytes.byteOffset, 4).setInt32(0, value, true);
    this.calls.setsockopt(this.fd, level, name, address, 4);
  }

  /** As many as one call gives; the loop comes again when there are more. */
  ready(): void {
    const { received, calls, localAddress } = this;
    if (!this.open) return;
    for (let i = 0; i < AT_ONCE; i++) received.set(i, NAME, localAddress.received);
    const count = calls.recvmmsg(this.fd, received.memory.address, AT_ONCE, MSG_DONTWAIT, 0);
    // An error here is one of an earlier datagram, which an ICMP message reported; it is over with this call.
    this.inCall = true;
    for (let i = 0; i < count && this.open; i++) {
      try {
        this.take(i);
      } catch (error) {
        this.shared.faults.note(error, 'datagram', performance.now());
      }
    }
    this.inCall = false;
    this.flush();
  }

  private take(i: number): void {
    const { received, datagram } = this;
    const { view } = received;
    const at = received.message(i);
    if ((view.getInt32(at + MESSAGE_VECTOR.flags, true) & MSG_TRUNC) !== 0) return;
    this.readSource(received.name(i));
    const controlLength = view.getUint32(at + MESSAGE_VECTOR.controlLength, true);
    this.localAddress.read(view, received.bytes, received.control(i), controlLength, this.local);
    datagram.start = received.payload(i);
    datagram.end = datagram.start + view.getUint32(at + MESSAGE_VECTOR.length, true);
    this.onDatagram(this, datagram);
  }

  private readSource(at: number): void {
    const { source, received } = this;
    const { view, bytes } = received;
    source.port = view.getUint16(at + 2);
    source.scope = 0;
    const mapped = this.family === AF_INET6 && isMapped(bytes, at + 8);
    source.length = this.family === AF_INET || mapped ? 4 : 16;
    const from = this.family === AF_INET ? at + 4 : mapped ? at + 20 : at + 8;
    for (let i = 0; i < source.length; i++) source.bytes[i] = bytes[from + i];
    if (source.length === 16) source.scope = view.getUint32(at + 24, true);
  }

  send(bytes: Uint8Array, start: number, end: number, to: DatagramAddress, from?: DatagramAddress): boolean {
    const length = end - start;
    if (!this.open || length > SIZE || (to.length === 16 && this.family === AF_INET)) return false;
    const { sending } = this;
    const i = this.queued;
    const payload = sending.payload(i);
    for (let k = 0; k < length; k++) sending.bytes[payload + k] = bytes[start + k];
    sending.setLength(i, length);
    this.writeName(sending.name(i), to);
    const control =
      from === undefined ? 0 : this.localAddress.write(sending.view, sending.bytes, sending.control(i), from);
    sending.set(i, this.family === AF_INET ? 16 : 28, control);
    this.queued += 1;
    if (this.queued === AT_ONCE || !this.inCall) this.flush();
    return true;
  }

  private writeName(at: number, to: DatagramAddress): void {
    const { view, bytes } = this.sending;
    view.setUint16(at, this.family, true);
    view.setUint16(at + 2, to.port);
    if (this.family === AF_INET) {
      for (let i = 0; i < 4; i++) bytes[at + 4 + i] = to.bytes[i];
      return;
    }
    view.setUint32(at + 4, 0);
    view.setUint32(at + 24, to.scope, true);
    const mapped = to.length === 4;
    for (let i = 0; i < 12; i++) bytes[at + 8 + i] = mapped ? (i < 10 ? 0 : 0xff) : to.bytes[i];
    for (let i = 0; i < 4; i++) bytes[at + 20 + i] = to.bytes[mapped ? i : 12 + i];
  }

  /** Sends what is queued. What the kernel does not take is lost, as it would be on the way. */
  private flush(): void {
    const { calls, sending, fd } = this;
    let done = 0;
    while (done < this.queued) {
      const sent = calls.sendmmsg(fd, sending.memory.address + sending.message(done), this.queued - done, MSG_DONTWAIT);
      // A failure is that of the first: no way there, or no room.
      if (sent > 0) done += sent;
      else if (calls.errno() !== EINTR) done += 1;
    }
    this.queued = 0;
  }

  settle(): number {
    return 0;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    const { loop, spare } = this.shared;
    loop.control(EPOLL_CTL_DEL, this.fd, 0, 0);
    loop.detach(this);
    this.calls.close(this.fd);
    // What is being read is not another port's to write over.
    setImmediate(() => spare.push(this.received, this.sending));
  }
}

function setText(into: DatagramAddress, text: string): void {
  const bytes = parseIp(text.split('%')[0]!);
  if (bytes === undefined) return;
  into.bytes.set(bytes);
  into.length = bytes.length as 4 | 16;
}

/** ::ffff:0:0/96: an IPv4 peer at a socket for both families (RFC 4291 2.5.5.2). */
function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}
