/**
 * Hands queues to sockets: whatever is at the front of one, by reference, in one `sendmsg`. Copying small pieces together first was
 * measured too: an entry of an iovec costs the kernel less than a view and a copy cost here, and leaves no garbage.
 */
import { memoryAddress } from '../../native/memory-address.js';
import { pinned } from '../../native/slab.js';
import { MSG_MORE, MSG_NOSIGNAL, MSGHDR, type SocketCalls } from '../../native/sockets.js';
import type { SendQueue } from './send-queue.js';

/** For bytes that have no stable place. */
const SCRATCH_SIZE = 64 * 1024;
const ENTRIES = 128;
/** Bytes that one call offers the kernel: a flow with more than that goes on in its next turn. */
const CHUNK = 1024 * 1024;

export class Sender {
  private readonly calls: SocketCalls;
  private readonly scratch = pinned(SCRATCH_SIZE);
  private readonly iovec = pinned(ENTRIES * 16);
  private readonly entries = new Uint32Array(this.iovec.bytes.buffer, this.iovec.bytes.byteOffset, ENTRIES * 4);
  private readonly message = pinned(MSGHDR.size);
  private readonly messageWords: Uint32Array;

  constructor(calls: SocketCalls) {
    this.calls = calls;
    const { bytes } = this.message;
    this.messageWords = new Uint32Array(bytes.buffer, bytes.byteOffset, MSGHDR.size / 4);
    setWords(this.messageWords, MSGHDR.iov / 4, this.iovec.address);
  }

  /**
   * Offers what is at the front of `queue` to the kernel in one call. `last`: FIN follows at once; it then rides on the last
   * segment. Answers what C's `send` does; `offered` is how many bytes that call had.
   */
  send(fd: number, queue: SendQueue, last: boolean): number {
    const { memories, starts, ends, tail } = queue;
    const { scratch, entries } = this;
    let count = 0;
    let total = 0;
    let copied = 0;
    for (let i = queue.head; i < tail && count < ENTRIES && total < CHUNK; i++) {
      const memory = memories[i]!;
      const start = starts[i];
      let length = Math.min(ends[i] - start, CHUNK);
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
    const flags = last && total === queue.bytes ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    return this.calls.sendmsg(fd, this.message.address, flags);
  }

  offered = 0;
}

/** A 64-bit number in two words. */
function setWords(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = value / 0x100000000;
}
