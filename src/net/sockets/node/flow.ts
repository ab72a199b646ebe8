/** A flow on a socket of the kernel. */
import type { Socket } from 'node:net';
import type { Memory } from '../../../memory/memory.js';
import { libc } from '../../../native/libc/libc.js';
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import type { CloseReason, Endpoint, FlowHandler, FlowInfo } from '../../flow.js';
import { reasonOf, silent } from '../common/close-reason.js';
import { type Draining, tellDrained } from '../common/drained.js';
import { kernelInfo } from '../common/kernel-info.js';
import { localEnd, remoteEnd } from './ends.js';

/**
 * Pieces up to this many bytes are copied together: below it, one more buffer in a `writev` costs more than the copy
 * (measured with heads of 150 and pages of 1,000 bytes). Larger ones go out by reference.
 */
const COPY_AT_MOST = 4096;
const SCRATCH_SIZE = 64 * 1024;
const nothing = Buffer.alloc(0);
const SIOCOUTQ = 0x5411;
/** Where the kernel writes the answer to it. */
let answer: Pinned | undefined;

/** Where small pieces are put together. Free again when the kernel has taken everything, which is the rule. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE);

/** Gets a flow's reports about its life. */
export interface SocketFlowOwner {
  flowClosed(flow: SocketFlow): void;
  /** An exception out of what was done for it: it is reset. */
  faulted(flow: SocketFlow, error: unknown): void;
}

export class SocketFlow implements Draining {
  handler: FlowHandler = silent;
  context: unknown = undefined;
  lowWater = 0;

  private readonly socket: Socket;
  private readonly owner: SocketFlowOwner;
  /** Written since the last flush: `count` entries of the three arrays. */
  private readonly memories: Memory[] = [];
  private readonly ranges: number[] = [];
  private pending = 0;
  /** The owner's call is under way: what it writes leaves when it returns. */
  inCall = false;
  private endAsked = false;
  private over = false;
  /** `queued` was above `lowWater`. */
  above = false;
  private watching = false;
  private reason: CloseReason = 'finished';

  constructor(socket: Socket, owner: SocketFlowOwner) {
    this.socket = socket;
    this.owner = owner;
    socket.on('end', () => this.peerEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.reason === 'finished') this.reason = reasonOf(error.code);
    });
    socket.on('close', () => this.socketClosed());
  }

  get local(): Endpoint {
    return localEnd(this.socket);
  }

  get remote(): Endpoint {
    return remoteEnd(this.socket);
  }

  get queued(): number {
    return this.over ? 0 : this.pending + this.socket.writableLength;
  }

  get unacknowledged(): number | undefined {
    if (this.over) return 0;
    const held = kernelHolds(this.socket);
    return held === undefined ? undefined : this.queued + held;
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.endAsked || this.over || end <= start) return;
    this.memories.push(memory);
    this.ranges.push(start, end);
    this.pending += end - start;
  }

  flush(): void {
    if (this.queued > this.lowWater) this.above = true;
    if (this.pending > 0 && !this.over) this.send();
    if (this.over) return;
    // Behind what waits, an empty write: its callback comes when the kernel has taken all of it, be it at once.
    const { socket } = this;
    if (socket.writableEnded) return;
    const waits = socket.writableLength > 0;
    if ((this.above || (this.endAsked && waits)) && !this.watching) {
      this.watching = true;
      socket.write(nothing, this.written);
    }
    // Not before the kernel has all of it: libuv refuses to reset a socket while its end waits behind data.
    if (this.endAsked && !waits) socket.end();
  }

  /** Hands what was written to the socket: small pieces copied together, large ones by reference, in one `writev`. */
  private send(): void {
    const { memories, ranges, socket } = this;
    const several = memories.length > 1 && this.pending > COPY_AT_MOST;
    if (several) socket.cork();
    let from = 0;
    let at = 0;
    for (let i = 0; i < memories.length; i++) {
      const bytes = memories[i].bytes;
      const start = ranges[2 * i];
      const length = ranges[2 * i + 1] - start;
      if (length <= COPY_AT_MOST) {
        if (at + length > SCRATCH_SIZE) {
          if (at > from) socket.write(scratch.subarray(from, at));
          scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE);
          from = 0;
          at = 0;
        }
        copy(bytes, start, length, scratch, at);
        at += length;
      } else {
        if (at > from) socket.write(scratch.subarray(from, at));
        from = at;
        socket.write(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, length));
      }
    }
    if (at > from) socket.write(scratch.subarray(from, at));
    memories.length = 0;
    ranges.length = 0;
    this.pending = 0;
    if (several) socket.uncork();
    // What the kernel has not taken refers to it.
    if (at > 0 && socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  }

  private readonly written = (): void => {
    this.watching = false;
    if (this.over) return;
    this.guarded(() => {
      tellDrained(this);
      this.flush();
    });
  };

  /**
   * No caller is above the calls of the socket to catch an exception in one of them: it ends this flow, and no other.
   */
  guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.inCall = false;
      this.owner.faulted(this, error);
    }
  }

  end(): void {
    if (this.endAsked || this.over) return;
    this.endAsked = true;
    if (!this.inCall) this.flush();
  }

  reset(): void {
    this.abort('reset-by-us');
  }

  /** Resets it, for `reason`. */
  abort(reason: CloseReason): void {
    if (this.over || this.socket.destroyed) return;
    this.reason = reason;
    this.memories.length = 0;
    this.ranges.length = 0;
    this.pending = 0;
    this.endAsked = true;
    this.socket.resetAndDestroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  info(): FlowInfo {
    return kernelInfo(this.over ? 'CLOSED' : this.socket.readyState);
  }

  /** Bytes arrived in `bytes[start..end)`. */
  readonly arrived = (bytes: Uint8Array, start: number, end: number): void => {
    if (this.over) return;
    try {
      this.inCall = true;
      this.handler.data(this, bytes, start, end);
      this.inCall = false;
      this.flush();
    } catch (error) {
      this.inCall = false;
      this.owner.faulted(this, error);
    }
  };

  private peerEnded(): void {
    if (this.over) return;
    this.guarded(() => {
      this.inCall = true;
      this.handler.ended(this);
      this.inCall = false;
      this.flush();
    });
  }

  private socketClosed(): void {
    if (this.over) return;
    this.over = true;
    this.pending = 0;
    this.owner.flowClosed(this);
    this.guarded(() => this.handler.closed(this, this.reason));
  }
}

/** tcp(7): bytes that the kernel holds for the peer. Undefined where it cannot be asked. */
function kernelHolds(socket: Socket): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
  if (fd < 0) return undefined;
  try {
    answer ??= pinned(4);
    if (libc().ioctl(fd, SIOCOUTQ, answer.address) < 0) return undefined;
    return new DataView(answer.bytes.buffer, answer.bytes.byteOffset, 4).getInt32(0, true);
  } catch {
    // koffi, a native addon, does not load here: its loader has an error for each of many reasons.
    return undefined;
  }
}

function copy(bytes: Uint8Array, start: number, length: number, target: Uint8Array, at: number): void {
  target.set(start === 0 && length === bytes.length ? bytes : bytes.subarray(start, start + length), at);
}
