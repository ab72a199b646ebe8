/**
 * Which peers are on this machine, or as good as: over loopback, over a veth. Nothing carries bytes there but the
 * two processors: what we do not do, the peer has to. Measured: when it reads a file's own pages out of `sendfile`,
 * that and the transmission that its ACKs set off cost it half as much again as bytes that we have copied; and it is
 * mostly the one that is waited for.
 */
import { pinned } from '../../../native/libc/slab.js';
import {
  IPPROTO_TCP,
  type SocketCalls,
  TCP_INFO,
  TCP_INFO_PART,
  TCP_NOTSENT_LOWAT,
} from '../../../native/sockets/sockets.js';

/** Microseconds: the least round trip over loopback or veth takes 5 to 20, over the wires of one room mostly more. */
const NEAR = 100;
/**
 * Bytes that the kernel holds unsent for a near peer. With megabytes of them it is the peer's ACKs that set off the
 * sending, on the peer's processor; and whether it is waited for would show late.
 */
const UNSENT = 128 * 1024;

export class NearPeers {
  private readonly calls: SocketCalls;
  private readonly memory = pinned(TCP_INFO_PART.size + 8);
  private readonly view: DataView;

  constructor(calls: SocketCalls) {
    this.calls = calls;
    const { bytes } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether the peer of the connection `fd` is near. If it is, the kernel takes less of what cannot leave at once. */
  ask(fd: number): boolean {
    const { calls, memory, view } = this;
    const length = memory.address + TCP_INFO_PART.size;
    view.setUint32(TCP_INFO_PART.size, TCP_INFO_PART.size, true);
    if (calls.getsockopt(fd, IPPROTO_TCP, TCP_INFO, memory.address, length) < 0) return false;
    // An older kernel fills less. What was never measured is the largest number.
    if (view.getUint32(TCP_INFO_PART.size, true) < TCP_INFO_PART.size) return false;
    if (view.getUint32(TCP_INFO_PART.minRtt, true) >= NEAR) return false;
    view.setUint32(0, UNSENT, true);
    calls.setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, memory.address, 4);
    return true;
  }
}
