/** Transmissions in an order of their own, linked through themselves: each is in one list at most. */
import type { Sent } from './sent.js';

export class SentList {
  first: Sent | undefined = undefined;
  last: Sent | undefined = undefined;

  /** Puts `one` behind all others. */
  push(one: Sent): void {
    const { last } = this;
    one.older = last;
    one.newer = undefined;
    if (last === undefined) this.first = one;
    else last.newer = one;
    this.last = one;
  }

  /** Puts `one` before all others. */
  unshift(one: Sent): void {
    const { first } = this;
    one.older = undefined;
    one.newer = first;
    if (first === undefined) this.last = one;
    else first.older = one;
    this.first = one;
  }

  /** Puts `one` right behind `before`, which is in the list. */
  after(before: Sent, one: Sent): void {
    const next = before.newer;
    one.older = before;
    one.newer = next;
    before.newer = one;
    if (next === undefined) this.last = one;
    else next.older = one;
  }

  /** Takes out `one`, which is in the list. */
  remove(one: Sent): void {
    const { older, newer } = one;
    if (older === undefined) this.first = newer;
    else {
      older.newer = newer;
      one.older = undefined;
    }
    if (newer === undefined) this.last = older;
    else {
      newer.older = older;
      one.newer = undefined;
    }
  }
}
