/**
 * Hands queues to sockets: whatever is at the front of one, by reference, in one `sendmsg`. Copying small pieces
 * together first was measured too: an entry of an iovec costs the kernel less than a view and a copy cost here, and
 * leaves no garbage.
 */
import type { Memory } from '../../../memory/memory.js';
import { memoryAddress } from '../../../native/libc/memory-address.js';
import { pinned } from '../../../native/libc/slab.js';
import { fileBehind, type MappedFile } from '../../../native/memory/mapped-file.js';
import { MSG_MORE, MSG_NOSIGNAL, MSGHDR, type SocketCalls } from '../../../native/sockets/sockets.js';
import type { SendQueue } from './send-queue.js';

/** For bytes that have no stable place. */
const SCRATCH_SIZE = 64 * 1024;
const ENTRIES = 128;
/**
 * Pieces of a mapped file go by `sendfile` from this many bytes on: measured, half the processor time at 100 KiB, a
 * fifth at 10 MiB.
 */
const FILE_FROM = 32 * 1024;
/** Bytes that one call offers the kernel: a flow with more than that goes on in its next turn. */
const CHUNK = 1024 * 1024;

/** Whose queue is sent. */
export interface Sending {
  readonly fd: number;
  /**
   * The peer is on this machine, or as good as: what is sent to it is not carried, but copied by it. Asking may cost a
   * call.
   */
  readonly nearby: boolean;
  /** How many of the next long pieces of a file are to be copied, if the peer is nearby, and not sent by `sendfile`. */
  copies: number;
}

export class Sender {
  private readonly calls: SocketCalls;
  private readonly scratch = pinned(SCRATCH_SIZE);
  private readonly iovec = pinned(ENTRIES * 16);
  private readonly entries = new Uint32Array(this.iovec.bytes.buffer, this.iovec.bytes.byteOffset, ENTRIES * 4);
  private readonly message = pinned(MSGHDR.size);
  private readonly messageWords: Uint32Array;
  private readonly offset = pinned(8);
  private readonly offsetView = new DataView(this.offset.bytes.buffer, this.offset.bytes.byteOffset, 8);

  constructor(calls: SocketCalls) {
    this.calls = calls;
    const { bytes } = this.message;
    this.messageWords = new Uint32Array(bytes.buffer, bytes.byteOffset, MSGHDR.size / 4);
    setWords(this.messageWords, MSGHDR.iov / 4, this.iovec.address);
  }

  /**
   * Offers what is at the front of `queue` to the kernel in one call: a long piece of a mapped file by `sendfile`,
   * everything up to the next such piece by reference. `last`: FIN follows at once; it then rides on the last segment.
   * Returns what C's `send` does; `offered` is how many bytes that call had, `file` the file that it sent from.
   */
  send(flow: Sending, queue: SendQueue, last: boolean): number {
    const { memories, starts, ends, head } = queue;
    const length = ends[head] - starts[head];
    this.file = length < FILE_FROM ? undefined : lendingFile(memories[head]!);
    if (this.file !== undefined && flow.copies > 0 && flow.nearby) {
      flow.copies -= 1;
      this.file = undefined;
    }
    if (this.file === undefined) return this.gather(flow, queue, last);
    this.offsetView.setUint32(0, starts[head], true);
    this.offsetView.setUint32(4, starts[head] / 0x100000000, true);
    this.offered = Math.min(length, CHUNK);
    return this.calls.sendfile(flow.fd, this.file.fd, this.offset.address, this.offered);
  }

  /** Offers the kernel bytes that are not kept; `memory` has a stable place. Returns what C's `send` does. */
  offer(fd: number, memory: Memory, start: number, end: number): number {
    return this.calls.send(fd, memoryAddress(memory) + start, end - start, MSG_NOSIGNAL);
  }

  private gather(flow: Sending, queue: SendQueue, last: boolean): number {
    const { memories, starts, ends, tail } = queue;
    const { scratch, entries } = this;
    let count = 0;
    let total = 0;
    let copied = 0;
    let flags = MSG_NOSIGNAL;
    for (let i = queue.head; i < tail && count < ENTRIES && total < CHUNK; i++) {
      const memory = memories[i]!;
      const start = starts[i];
      let length = Math.min(ends[i] - start, CHUNK);
      if (count > 0 && length >= FILE_FROM && lendingFile(memory) !== undefined) {
        // A head shares a segment with the beginning of its body; but a near peer reads it while the rest is sent.
        if (!flow.nearby) flags |= MSG_MORE;
        break;
      }
      let address = memoryAddress(memory);
      if (address !== 0) address += start;
      else {
        if (copied === SCRATCH_SIZE) break;
        length = Math.min(length, SCRATCH_SIZE - copied);
        scratch.bytes.set(memory.bytes.subarray(start, start + length), copied);
        address = scratch.address + copied;
        copied += length;
      }
      const at = count * 4;
      setWords(entries, at, address);
      entries[at + 2] = length;
      count += 1;
      total += length;
      if (length < ends[i] - start) break;
    }
    this.offered = total;
    this.messageWords[MSGHDR.iovlen / 4] = count;
    if (last && total === queue.bytes) flags |= MSG_MORE;
    return this.calls.sendmsg(flow.fd, this.message.address, flags);
  }

  file: MappedFile | undefined = undefined;
  offered = 0;
}

/** The file that `memory` shows from its first byte on, if it may be sent from. */
function lendingFile(memory: Memory): MappedFile | undefined {
  const { bytes } = memory;
  const file = bytes.byteOffset === 0 ? fileBehind(bytes.buffer) : undefined;
  return file === undefined || file.fd < 0 ? undefined : file;
}

/** A 64-bit number in two words. */
function setWords(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = value / 0x100000000;
}
