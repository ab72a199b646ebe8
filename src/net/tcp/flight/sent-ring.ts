/**
 * The records of what is in flight, in order of sequence: a ring that grows. What is in the middle goes in and out at
 * the cost of its shorter side.
 */
import { after } from '../numbers/sequence.js';
import type { Sent, SentPool } from './sent.js';

/** Places of a ring: at first, and at most where it is kept for the next connection. */
const SMALL = 8;
const KEPT = 64;
/** Places that are moved in a step. */
const MOVES = 64;

/** No places, but an array of records for V8, which reads all rings by the same code then. */
const NONE = new Array<Sent | undefined>(1).fill(undefined);
NONE.length = 0;

export class SentRing {
  records = 0;
  /** The first in order of sequence. Most answers are one record, and take no place of the ring. */
  head: Sent | undefined = undefined;
  /** Those behind the head, in order of sequence, from `start` on; its length is a power of two. */
  private ring: (Sent | undefined)[] = NONE;
  private start = 0;

  constructor(protected readonly pool: SentPool) {}

  get tail(): Sent | undefined {
    return this.records === 0 ? undefined : this.at(this.records - 1);
  }

  /** The record at `index`, 0 up to `records - 1`. */
  at(index: number): Sent {
    return (index === 0 ? this.head : this.ring[this.place(index)]) as Sent;
  }

  /** Where in the ring the record at `index` is, from 1 on. */
  private place(index: number): number {
    return (this.start + index - 1) & (this.ring.length - 1);
  }

  /** Puts `one` behind the last. */
  protected add(one: Sent): void {
    if (this.records === 0) this.head = one;
    else {
      if (this.records > this.ring.length) this.grow();
      this.ring[this.place(this.records)] = one;
    }
    this.records++;
  }

  /** Takes the first out. */
  protected takeFirst(): void {
    this.records--;
    if (this.records === 0) this.head = undefined;
    else {
      const { ring, start } = this;
      this.head = ring[start];
      ring[start] = undefined;
      this.start = (start + 1) & (ring.length - 1);
    }
  }

  /** Index of the first record that ends after `seq`; `records` if none does. */
  find(seq: number): number {
    let low = 0;
    let high = this.records;
    while (low < high) {
      const middle = (low + high) >> 1;
      this.pool.steps.taken++;
      if (after(this.at(middle).end, seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts `one` at `index`, from 1 on, and moves what is on the shorter side of it. */
  protected insert(index: number, one: Sent): void {
    if (this.records > this.ring.length) this.grow();
    const { ring } = this;
    if (index >= this.records >> 1) {
      for (let i = this.records; i > index; i--) ring[this.place(i)] = ring[this.place(i - 1)];
      this.moved(this.records - index);
    } else {
      this.start = (this.start - 1) & (ring.length - 1);
      for (let i = 1; i < index; i++) ring[this.place(i)] = ring[this.place(i + 1)];
      this.moved(index);
    }
    ring[this.place(index)] = one;
    this.records++;
  }

  /** Takes out `count` places from `index` on, from 1 on, and moves what is on the shorter side of them. */
  protected erase(index: number, count: number): void {
    const { ring } = this;
    const behind = this.records - index - count;
    if (behind <= index) {
      for (let i = index; i < index + behind; i++) ring[this.place(i)] = ring[this.place(i + count)];
      for (let i = this.records - count; i < this.records; i++) ring[this.place(i)] = undefined;
      this.moved(behind + count);
    } else {
      for (let i = index - 1; i > 0; i--) ring[this.place(i + count)] = ring[this.place(i)];
      for (let i = 1; i <= count; i++) ring[this.place(i)] = undefined;
      this.start = (this.start + count) & (ring.length - 1);
      this.moved(index + count);
    }
    this.records -= count;
  }

  private moved(places: number): void {
    this.pool.steps.taken += 1 + Math.floor(places / MOVES);
  }

  private grow(): void {
    const { ring, records } = this;
    const larger = new Array<Sent | undefined>(Math.max(SMALL, ring.length * 2)).fill(undefined);
    for (let i = 1; i < records; i++) larger[i - 1] = this.at(i);
    this.ring = larger;
    this.start = 0;
  }

  /** Empty, it is ready for the next connection: a large ring is not kept. */
  protected renew(): void {
    if (this.ring.length > KEPT) this.ring = NONE;
    this.start = 0;
  }
}
