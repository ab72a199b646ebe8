/** A flow on a socket that the process itself reads and writes, by the calls of libc. */
import type { Memory } from '../../../memory/memory.js';
import { EAGAIN, EINTR, errnoCode } from '../../../native/libc/errno.js';
import type { MappedFile } from '../../../native/memory/mapped-file.js';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  SHUT_WR,
  type SocketCalls,
} from '../../../native/sockets/sockets.js';
import type { CloseReason, Endpoint, FlowHandler, FlowInfo } from '../../flow.js';
import { reasonOf, silent } from '../common/close-reason.js';
import { type Draining, tellDrained } from '../common/drained.js';
import { kernelInfo } from '../common/kernel-info.js';
import type { SendQueue } from './send-queue.js';
import type { Sender } from './sender.js';
import type { SocketOptions } from './socket-options.js';

/** Bytes that one flow may offer the kernel in a turn. */
const TURN = 1024 * 1024;
/** Long pieces that are copied for a near peer after it kept us waiting. */
const COPIES = 4;

/** What a flow asks of its network. */
export interface FlowHost {
  readonly calls: SocketCalls;
  readonly sender: Sender;
  /** Where `read` puts what it read. */
  readonly buffer: Uint8Array;
  /** As C's `read`, to `buffer`. */
  read(fd: number): number;
  /** Whether the peer is on this machine; to be asked once a flow. */
  near(fd: number): boolean;
  endpointOf(call: 'getsockname' | 'getpeername', fd: number): Endpoint;
  readonly options: SocketOptions;
  takeQueue(): SendQueue;
  giveQueue(queue: SendQueue): void;
  /** Has `goOn` called after the others of this turn. */
  again(flow: OwnSocketFlow): void;
  finished(flow: OwnSocketFlow): void;
}

export class OwnSocketFlow implements Draining {
  handler: FlowHandler = silent;
  context: unknown = undefined;
  lowWater = 0;

  readonly fd: number;
  /** Distinguishes it from others that had the same descriptor. */
  readonly tag: number;
  private readonly network: FlowHost;
  /** There while something is queued. */
  private queue: SendQueue | undefined = undefined;
  private near: Endpoint | undefined = undefined;
  private far: Endpoint | undefined = undefined;
  /** The kernel takes no more for now; EPOLLOUT will report when it does. */
  private blocked = false;
  private paused = false;
  /** Something came while it was paused, or a read filled the buffer. */
  private readable = false;
  copies = 0;
  /** Bytes that were offered and left, in this turn. */
  private offered = 0;
  /** Undefined: not asked yet. */
  private isNear: boolean | undefined = undefined;
  /** The owner's call is under way: what it writes leaves when it returns. */
  inCall = false;
  private endAsked = false;
  private finSent = false;
  /** FIN is here, perhaps behind bytes that were not read yet: no event will report it again. */
  private finWaits = false;
  private peerEnded = false;
  /** `queued` was above `lowWater`. */
  above = false;
  /** It is in the network's list of flows with something left to do. */
  private listed = false;
  /** The file that it sent from last. */
  private file: MappedFile | undefined = undefined;
  over = false;
  reason: CloseReason = 'finished';

  constructor(network: FlowHost, fd: number, tag: number) {
    this.network = network;
    this.fd = fd;
    this.tag = tag;
  }

  get local(): Endpoint {
    if (this.near === undefined && !this.over) this.near = this.network.endpointOf('getsockname', this.fd);
    return this.near ?? { address: '', port: 0 };
  }

  get remote(): Endpoint {
    if (this.far === undefined && !this.over) this.far = this.network.endpointOf('getpeername', this.fd);
    return this.far ?? { address: '', port: 0 };
  }

  /** The peer is on this machine, or as good as. */
  get nearby(): boolean {
    this.isNear ??= this.network.near(this.fd);
    return this.isNear;
  }

  get queued(): number {
    return this.queue === undefined ? 0 : this.queue.bytes;
  }

  get unacknowledged(): number {
    return this.over ? 0 : this.queued + this.network.options.unacknowledged(this.fd);
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.endAsked || this.over || end <= start) return;
    this.queue ??= this.network.takeQueue();
    this.queue.push(memory, start, end);
  }

  offer(memory: Memory, start: number, end: number): number {
    if (this.endAsked || this.over) return 0;
    this.above = true;
    if (this.blocked || this.queue !== undefined) return 0;
    if (this.offered >= TURN) {
      // The others have their turn first.
      this.list();
      return 0;
    }
    const { network } = this;
    let sent = network.sender.offer(this.fd, memory, start, end);
    while (sent < 0 && network.calls.errno() === EINTR) sent = network.sender.offer(this.fd, memory, start, end);
    if (sent < 0) {
      const errno = network.calls.errno();
      if (errno !== EAGAIN) {
        this.finish(reasonOf(errnoCode(errno)));
        return 0;
      }
      sent = 0;
    }
    this.offered += sent;
    if (sent < end - start) this.blocked = true;
    else this.above = false;
    return sent;
  }

  flush(): void {
    if (this.over) return;
    const { queue } = this;
    if (queue !== undefined) {
      if (queue.bytes > this.lowWater) this.above = true;
      if (!this.blocked) this.send(queue);
      if (this.over) return;
    }
    // What was offered and did not leave waits for EPOLLOUT, with nothing queued.
    if (this.above && this.queued <= this.lowWater && (!this.blocked || this.queue !== undefined)) this.list();
    if (this.endAsked && this.queue === undefined && !this.finSent) {
      this.finSent = true;
      this.network.calls.shutdown(this.fd, SHUT_WR);
      if (this.peerEnded) this.finish('finished');
    }
  }

  private send(queue: SendQueue): void {
    const { network } = this;
    const sent = network.sender.send(this, queue, this.endAsked);
    if (sent < 0) {
      const errno = network.calls.errno();
      if (errno === EAGAIN) this.blocked = true;
      else if (errno === EINTR) this.list();
      else this.finish(reasonOf(errnoCode(errno)));
      return;
    }
    const { file, offered } = network.sender;
    if (file !== undefined) {
      if (this.file !== file) this.borrow(file);
      // The file is shorter than its map: that cannot be while it is leased.
      if (sent === 0) file.refuse();
    }
    queue.taken(sent);
    if (queue.bytes === 0) {
      this.queue = undefined;
      network.giveQueue(queue);
    } else if (file === undefined && sent < offered) this.blocked = true;
    // After `sendfile` also when it took less: that need not mean that there is no room.
    else this.list();
  }

  /**
   * A flow sends from few files, mostly from one. It is registered with the last one here, and stays registered with
   * those before as long as it lives.
   */
  private borrow(file: MappedFile): void {
    this.file = file;
    file.borrowedBy(this);
  }

  /** Has itself called again when the others of this turn had theirs. */
  private list(): void {
    if (this.listed) return;
    this.listed = true;
    this.network.again(this);
  }

  end(): void {
    if (this.endAsked || this.over) return;
    this.endAsked = true;
    if (!this.inCall) this.flush();
  }

  reset(): void {
    // A peer that has our FIN has everything, but its program may not have read it yet: some systems throw that away at
    // a reset. So the kernel keeps FIN-WAIT-2 for as long as it does (`tcp_fin_timeout`), and resets what still comes
    // then.
    if (this.finSent && this.unacknowledged === 0) this.finish('reset-by-us');
    else this.abort('reset-by-us');
  }

  /** Resets it, for `reason`. */
  abort(reason: CloseReason): void {
    if (this.over) return;
    this.network.options.resetOnClose(this.fd);
    this.finish(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused || this.over) return;
    this.paused = false;
    this.readable = true;
    this.list();
  }

  info(): FlowInfo {
    return kernelInfo(this.over ? 'CLOSED' : this.finSent ? 'readOnly' : this.peerEnded ? 'writeOnly' : 'open');
  }

  // What the network calls.

  /** The kernel says what is possible now: each change once (edge-triggered). */
  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.blocked) {
      this.blocked = false;
      this.offered = 0;
      this.copies = COPIES;
      this.flush();
      if (this.over) return;
    }
    if ((events & EPOLLRDHUP) !== 0) this.finWaits = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) === 0) return;
    if (!this.paused && !this.peerEnded) this.read();
    else {
      this.readable = true;
      if ((events & (EPOLLERR | EPOLLHUP)) !== 0) this.failed();
    }
  }

  /** What was left to do: more to read, more to write, or word that the queue has drained. */
  goOn(): void {
    this.listed = false;
    this.offered = 0;
    if (this.over) return;
    tellDrained(this);
    this.flush();
    if (this.readable && !this.paused && !this.over && !this.peerEnded) this.read();
  }

  /** Reads once: a buffer that was not filled is all there was, but for FIN. */
  read(): void {
    const { network } = this;
    this.readable = false;
    const count = network.read(this.fd);
    if (count > 0) {
      if (count === network.buffer.length || this.finWaits) {
        this.readable = true;
        this.list();
      }
      this.inCall = true;
      this.handler.data(this, network.buffer, 0, count);
      this.inCall = false;
      this.flush();
    } else if (count === 0) {
      this.peerEnded = true;
      this.inCall = true;
      this.handler.ended(this);
      this.inCall = false;
      this.flush();
      if (this.finSent && !this.over) this.finish('finished');
    } else {
      const errno = network.calls.errno();
      if (errno === EINTR) {
        this.readable = true;
        this.list();
      } else if (errno !== EAGAIN) this.finish(reasonOf(errnoCode(errno)));
    }
  }

  /** An error waits on a socket that is not read. */
  private failed(): void {
    const errno = this.network.options.pendingError(this.fd);
    if (errno !== 0) this.finish(reasonOf(errnoCode(errno)));
  }

  private finish(reason: CloseReason): void {
    // What was reset is not sent again; what the peer has not acknowledged otherwise is.
    if (reason === 'finished') this.file?.returnedBy(this);
    this.over = true;
    this.file?.returnedBy(this);
    this.file = undefined;
    this.reason = reason;
    if (this.queue !== undefined) {
      this.queue.clear();
      this.network.giveQueue(this.queue);
      this.queue = undefined;
    }
    this.network.finished(this);
  }
}
