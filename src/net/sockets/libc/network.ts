/**
 * A network on the kernel's sockets without Node's: accepted, read and written by the calls of libc, in a loop of its
 * own. A `net.Socket` costs some 50 µs to make and to end, and a microsecond or two a request; this costs the calls.
 * Linux only; `sockets.ts` has the one for everywhere.
 */

import { UserError } from '../../../errors/user-error.js';
import { ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../../../native/libc/errno.js';
import { setNonBlocking } from '../../../native/libc/libc.js';
import { pinned } from '../../../native/libc/slab.js';
import { SocketAddress } from '../../../native/sockets/socket-address.js';
import {
  EPOLL_CTL_DEL,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  type SocketCalls,
} from '../../../native/sockets/sockets.js';
import { attempt, Containment } from '../../containment.js';
import type { Accept, Clock, Endpoint, Listener, Network } from '../../flow.js';
import { RealClock } from '../../real-clock.js';
import { listenAtAll } from '../common/listen-at-all.js';
import { addressOfName } from '../common/name.js';
import { listenError, type SocketNetworkOptions } from '../common/options.js';
import { EpollLoop, type Watcher } from './epoll-loop.js';
import { type FlowHost, OwnSocketFlow } from './flow.js';
import { NearPeers } from './near.js';
import { SendQueue } from './send-queue.js';
import { Sender } from './sender.js';
import { SocketOptions } from './socket-options.js';

const READ_SIZE = 64 * 1024;
/** Connections that one look accepts, so that those that are open have their turn. */
const ACCEPT_AT_ONCE = 64;
/** Queues that are kept for flows to come. */
const SPARE_QUEUES = 256;
/** The tag of a listening socket. */
const LISTENING = 0;

interface Listening extends Listener {
  readonly fd: number;
  readonly accept: Accept;
}

export class OwnSocketNetwork implements Network, Watcher, FlowHost {
  readonly clock: Clock;
  private readonly faults: Containment;
  readonly address: string;
  readonly addresses: readonly string[];
  readonly sender: Sender;
  readonly calls: SocketCalls;
  private readonly loop: EpollLoop;
  private readonly maxConnections: number;
  /** Sockets that listen already. */
  private readonly given: number[];
  private readonly portOption: string | undefined;
  private readonly memory = pinned(READ_SIZE);
  /** All connections read to here, one after the other. */
  readonly buffer = this.memory.bytes;
  readonly options: SocketOptions;
  private readonly socketAddress: SocketAddress;
  private readonly nearPeers: NearPeers;
  /** By descriptor. */
  private readonly flows: (OwnSocketFlow | undefined)[] = [];
  private readonly listeners = new Map<number, Listening>();
  private readonly queues: SendQueue[] = [];
  /** Flows with something left to do, and those whose end is still to be reported to their owners. */
  private left: OwnSocketFlow[] = [];
  private ended: OwnSocketFlow[] = [];
  private open = 0;
  private lastTag = LISTENING;
  /** A descriptor to give up when none is left, so that a connection can be accepted and closed. */
  private spare = -1;
  private drained: (() => void) | undefined = undefined;
  private accepted = 0;
  private shed = 0;
  onExhausted: (() => boolean) | undefined = undefined;

  /** Throws where it cannot be had. */
  constructor(options: SocketNetworkOptions = {}) {
    this.loop = EpollLoop.get();
    this.calls = this.loop.calls;
    this.options = new SocketOptions(this.calls);
    this.faults = new Containment(options.onFault);
    const timerFault = (error: unknown): void => this.faults.note(error, 'timer', this.clock.now());
    this.clock = options.clock ?? new RealClock(timerFault);
    this.address = options.host ?? '127.0.0.1';
    this.addresses = [this.address, ...(options.further ?? [])];
    this.given = [...(options.fds ?? [])];
    this.portOption = options.portOption;
    this.maxConnections = options.maxConnections ?? 65_536;
    this.sender = new Sender(this.calls);
    this.socketAddress = new SocketAddress(this.calls);
    this.nearPeers = new NearPeers(this.calls);
  }

  listen(port: number, accept: Accept): Promise<Listener> {
    return listenAtAll(this.addresses, port, (host, at) => this.listenAt(host, at, accept));
  }

  private async listenAt(host: string, port: number, accept: Accept): Promise<Listener> {
    const given = this.given.shift();
    try {
      const fd = given === undefined ? await this.openListening(host, port) : this.takeListening(given);
      const listening: Listening = {
        fd,
        accept,
        endpoint: this.endpointOf('getsockname', fd),
        close: () => this.stopListening(fd),
      };
      this.listeners.set(fd, listening);
      if (this.spare < 0) this.spare = this.openSpare();
      this.loop.add(fd, LISTENING, EPOLLIN, this);
      this.loop.attach(this);
      return listening;
    } catch (error) {
      throw new UserError(listenError(error as NodeJS.ErrnoException, host, port, this.portOption));
    }
  }

  private async openListening(host: string, port: number): Promise<number> {
    const { socketAddress, addresses } = this;
    const address = socketAddress.accepts(host) ? host : await addressOfName(host);
    return this.options.listening(socketAddress, { address, port, alone: addresses.length > 1 });
  }

  /** Another program made the socket, and may not have set it up as we do. */
  private takeListening(fd: number): number {
    setNonBlocking(fd);
    this.options.noDelay(fd);
    return fd;
  }

  private stopListening(fd: number): void {
    if (!this.listeners.delete(fd)) return;
    this.loop.control(EPOLL_CTL_DEL, fd, LISTENING, 0);
    this.calls.close(fd);
    this.restIfDone();
  }

  private openSpare(): number {
    return this.calls.open('/dev/null', SOCK_CLOEXEC, 0);
  }

  // Events

  ready(fd: number, tag: number, events: number): void {
    if (tag === LISTENING) {
      const listening = this.listeners.get(fd);
      if (listening !== undefined) this.acceptSome(listening);
      return;
    }
    const flow = this.flows[fd];
    if (flow === undefined || flow.tag !== tag) return;
    try {
      flow.ready(events);
    } catch (error) {
      this.faulted(flow, error);
    }
  }

  /** An exception out of what was done for `flow`: it is reset, and the others go on. */
  private faulted(flow: OwnSocketFlow, error: unknown): void {
    flow.inCall = false;
    attempt(() => flow.abort('failed'));
    this.faults.note(error, 'connection', this.clock.now());
  }

  private acceptSome(listening: Listening): void {
    const { calls } = this;
    for (let i = 0; i < ACCEPT_AT_ONCE; i++) {
      const fd = calls.accept4(listening.fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) this.connected(fd, listening.accept);
      else {
        const errno = calls.errno();
        if (errno === EMFILE || errno === ENFILE || errno === ENOBUFS || errno === ENOMEM) {
          if (this.onExhausted?.() === true) continue;
          this.shedOne(listening.fd);
          return;
        }
        // Anything else is about the one connection, which was gone before it was accepted (accept(2)).
        if (errno !== EINTR && errno !== ECONNABORTED) return;
      }
    }
  }

  private connected(fd: number, accept: Accept): void {
    if (this.open >= this.maxConnections) {
      this.shed += 1;
      this.options.resetOnClose(fd);
      this.calls.close(fd);
      return;
    }
    this.accepted += 1;
    this.open += 1;
    this.lastTag = this.lastTag === 0x7fffffff ? LISTENING + 1 : this.lastTag + 1;
    const flow = new OwnSocketFlow(this, fd, this.lastTag);
    this.flows[fd] = flow;
    try {
      accept(flow);
      flow.flush();
      // Its request is often here already; and a connection that ends with it need not be watched.
      if (!flow.over) flow.read();
    } catch (error) {
      this.faulted(flow, error);
    }
    if (!flow.over) this.loop.add(fd, flow.tag, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
  }

  /** No descriptor is left: the connection would wait without end, and the listening socket would stay ready. */
  private shedOne(listening: number): void {
    const { calls } = this;
    if (this.spare < 0) return;
    calls.close(this.spare);
    const fd = calls.accept4(listening, 0, 0, SOCK_CLOEXEC);
    if (fd >= 0) {
      this.shed += 1;
      calls.close(fd);
    }
    this.spare = this.openSpare();
  }

  settle(): number {
    let done = 0;
    if (this.left.length > 0) {
      const { left } = this;
      this.left = [];
      done += left.length;
      for (let i = 0; i < left.length; i++) {
        try {
          left[i].goOn();
        } catch (error) {
          this.faulted(left[i], error);
        }
      }
    }
    while (this.ended.length > 0) {
      const { ended } = this;
      this.ended = [];
      done += ended.length;
      for (let i = 0; i < ended.length; i++) {
        try {
          ended[i].handler.closed(ended[i], ended[i].reason);
        } catch (error) {
          this.faulted(ended[i], error);
        }
      }
    }
    if (done > 0) this.restIfDone();
    return done;
  }

  /** Without listeners and flows there is nothing to turn for. */
  private restIfDone(): void {
    if (this.listeners.size > 0 || this.open > 0 || this.ended.length > 0) return;
    this.loop.detach(this);
    if (this.spare >= 0) this.calls.close(this.spare);
    this.spare = -1;
    this.drained?.();
  }

  // What flows ask for

  /** Reads to `buffer`; returns what C's `read` does. */
  read(fd: number): number {
    return this.calls.read(fd, this.memory.address, READ_SIZE);
  }

  /** To be asked once a flow. */
  near(fd: number): boolean {
    return this.nearPeers.ask(fd);
  }

  endpointOf(call: 'getsockname' | 'getpeername', fd: number): Endpoint {
    return this.socketAddress.ask(call, fd);
  }

  takeQueue(): SendQueue {
    return this.queues.pop() ?? new SendQueue();
  }

  giveQueue(queue: SendQueue): void {
    if (this.queues.length < SPARE_QUEUES) this.queues.push(queue);
  }

  again(flow: OwnSocketFlow): void {
    this.left.push(flow);
  }

  finished(flow: OwnSocketFlow): void {
    this.flows[flow.fd] = undefined;
    this.open -= 1;
    this.calls.close(flow.fd);
    this.ended.push(flow);
  }

  // Network

  counters(): Readonly<Record<string, number>> {
    return {
      'connections-accepted': this.accepted,
      'connections-open': this.open,
      'connections-shed': this.shed,
      ...this.faults.counters(),
    };
  }

  async close(drain: number): Promise<void> {
    for (const fd of [...this.listeners.keys()]) this.stopListening(fd);
    if (this.open === 0 && this.ended.length === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.clock.schedule(drain, () => {
        for (const flow of this.flows) flow?.abort('network-closed');
      });
      this.drained = () => {
        deadline.cancel();
        resolve();
      };
    });
  }
}
