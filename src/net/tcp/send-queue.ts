/**
 * What is queued or unacknowledged, as references (the site is the send buffer): `(memory, start, end)` and the sequence
 * number of each first byte. No byte is copied to here.
 */

import type { Memory } from '../../memory/memory.js';
import type { TxFrame } from '../device/tx-frame.js';
import { MAX_PIECES } from '../device/tx-frame.js';

export class SendQueue {
  /** Sequence number after the last queued byte. */
  end = 0;
  private memory: Memory[] = [];
  private start: number[] = [];
  private stop: number[] = [];
  private seq: number[] = [];
  private head = 0;

  /** Empties it; the next byte gets `seq`. */
  reset(seq: number): void {
    this.end = seq;
    this.head = 0;
    this.memory.length = 0;
    this.start.length = 0;
    this.stop.length = 0;
    this.seq.length = 0;
  }

  push(memory: Memory, start: number, end: number): void {
    const last = this.memory.length - 1;
    if (last >= this.head && this.memory[last] === memory && this.stop[last] === start) this.stop[last] = end;
    else {
      this.memory.push(memory);
      this.start.push(start);
      this.stop.push(end);
      this.seq.push(this.end);
    }
    this.end = (this.end + end - start) | 0;
  }

  /** Drops pieces that lie wholly before `una`. */
  release(una: number): void {
    const size = this.memory.length;
    while (this.head < size && ((this.seq[this.head] + this.stop[this.head] - this.start[this.head] - una) | 0) <= 0) {
      this.head++;
    }
    if (this.head === size) {
      if (size > 0) this.reset(this.end);
    } else if (this.head > 32) {
      this.memory.splice(0, this.head);
      this.start.splice(0, this.head);
      this.stop.splice(0, this.head);
      this.seq.splice(0, this.head);
      this.head = 0;
    }
  }

  /** Adds `length` bytes from `seq` on to the frame; answers how many, fewer when its places are taken. */
  fill(tx: TxFrame, seq: number, length: number): number {
    let at = this.find(seq);
    let done = 0;
    while (done < length && at < this.memory.length && tx.pieces < MAX_PIECES) {
      const from = this.start[at] + ((seq + done - this.seq[at]) | 0);
      const until = Math.min(this.stop[at], from + length - done);
      tx.push(this.memory[at], from, until);
      done += until - from;
      at++;
    }
    return done;
  }

  /** Copies `length` bytes from `seq` on to `target[to..)`. */
  copy(target: Uint8Array, to: number, seq: number, length: number): void {
    let at = this.find(seq);
    let done = 0;
    while (done < length) {
      const from = this.start[at] + ((seq + done - this.seq[at]) | 0);
      const until = Math.min(this.stop[at], from + length - done);
      target.set(this.memory[at].bytes.subarray(from, until), to + done);
      done += until - from;
      at++;
    }
  }

  private find(seq: number): number {
    let low = this.head;
    let high = this.memory.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (((this.seq[middle] - seq) | 0) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
