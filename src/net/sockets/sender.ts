/** Hands queues to sockets: small pieces copied together into one `send`, large ones by reference, through one `sendmsg`. */
import { memoryAddress } from '../../native/memory-address.js';
import { pinned } from '../../native/slab.js';
import { MSG_MORE, MSG_NOSIGNAL, MSGHDR, type SocketCalls } from '../../native/sockets.js';
import type { SendQueue } from './send-queue.js';

/** Pieces up to this many bytes are copied together: below it, one more entry of an iovec costs more than the copy. */
const COPY_AT_MOST = 4096;
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
    const { memories, starts, ends } = queue;
    const { scratch, entries } = this;
    let count = 0;
    let total = 0;
    let at = 0;
    let from = 0;
    let i = queue.head;
    for (; i < memories.length && count < ENTRIES - 1 && total < CHUNK; i++) {
      const memory = memories[i]!;
      const start = starts[i];
      const length = Math.min(ends[i] - start, CHUNK);
      const address = length > COPY_AT_MOST ? memoryAddress(memory) : 0;
      if (address === 0) {
        if (at === SCRATCH_SIZE) break;
        const part = Math.min(length, SCRATCH_SIZE - at);
        const { bytes } = memory;
        scratch.bytes.set(start === 0 && part === bytes.length ? bytes : bytes.subarray(start, start + part), at);
        at += part;
        total += part;
        if (part < length) break;
      } else {
        if (at > from) entry(entries, count++, scratch.address + from, at - from);
        from = at;
        entry(entries, count++, address + start, length);
        total += length;
      }
    }
    this.offered = total;
    const flags = last && total === queue.bytes ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    if (count === 0) return this.calls.send(fd, scratch.address, at, flags);
    if (at > from) entry(entries, count++, scratch.address + from, at - from);
    this.messageWords[MSGHDR.iovlen / 4] = count;
    return this.calls.sendmsg(fd, this.message.address, flags);
  }

  offered = 0;
}

function entry(entries: Uint32Array, index: number, address: number, length: number): void {
  setWords(entries, index * 4, address);
  setWords(entries, index * 4 + 2, length);
}

/** A 64-bit number in two words. */
function setWords(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = value / 0x100000000;
}
