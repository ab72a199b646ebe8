/** When each connection is dealt with next: its timers, and the output that waits for the end of the batch. */

import { TIMER_NONE } from '../flight/timers.js';
import { pathMtuLowered } from '../receive/icmp.js';
import { sendAck } from '../send/emit.js';
import { output } from '../send/output.js';
import type { Connection, TcpContext } from '../state/connection.js';
import { CLOSED, SYN_SENT } from '../state/states.js';
import { TimerHeap } from '../tables/timer-heap.js';
import { onLife } from './keep-alive.js';
import { onTimer } from './timeout.js';

export class Schedule {
  private readonly timers = new TimerHeap<Connection>();
  /** With output due: the first `dirtyCount`. Never shortened, which would cost an allocation a batch. */
  private readonly dirty: (Connection | undefined)[] = [];
  private dirtyCount = 0;

  constructor(private readonly layer: TcpContext) {}

  /** It has output due, which is sent at the end of the batch. */
  touch(c: Connection): void {
    const { outside } = this.layer;
    if (outside !== undefined) outside();
    if (c.dirty) return;
    c.dirty = true;
    this.dirty[this.dirtyCount++] = c;
  }

  /** Sends what is due. */
  flush(now: number): void {
    const dirty = this.dirty;
    // More output may become due while this is sent.
    for (let i = 0; i < this.dirtyCount; i++) {
      const c = dirty[i];
      if (c === undefined) continue;
      dirty[i] = undefined;
      c.dirty = false;
      if (c.state === CLOSED) continue;
      try {
        output(c, now);
        this.rearm(c);
      } catch (error) {
        this.layer.faulted(c, error);
      }
    }
    this.dirtyCount = 0;
  }

  /** Sends what is due to one, at once. */
  flushOne(c: Connection): void {
    const { outside } = this.layer;
    if (outside !== undefined) outside();
    if (c.state === CLOSED) return;
    try {
      output(c, this.layer.now);
      this.rearm(c);
    } catch (error) {
      this.layer.faulted(c, error);
    }
  }

  /** Its path takes smaller packets than before. */
  shrink(c: Connection, now: number): void {
    try {
      pathMtuLowered(c, now);
      if (c.state !== CLOSED) this.rearm(c);
    } catch (error) {
      this.layer.faulted(c, error);
    }
  }

  /** Its timers may have changed. */
  rearm(c: Connection): void {
    if (c.resting) c.deadline = c.lifeAt;
    else {
      const { at, delayedAckAt, pacingAt } = c.busy.timers;
      c.deadline = Math.min(at, delayedAckAt, pacingAt, c.lifeAt);
      if (c.deadline === c.lifeAt) c.rest();
    }
    this.timers.arm(c);
  }

  /** Nothing of it is due any more. */
  forget(c: Connection): void {
    this.timers.remove(c);
  }

  /** Deals with the timers that are due. */
  poll(now: number): void {
    for (let c = this.timers.take(now); c !== undefined; c = this.timers.take(now)) {
      if (c.state === CLOSED) continue;
      try {
        this.expired(c, now);
      } catch (error) {
        this.layer.faulted(c, error);
      }
    }
  }

  private expired(c: Connection, now: number): void {
    if (c.lifeAt <= now && !onLife(c, now)) {
      if (c.keepAliveProbes > 0) this.layer.replies.reset(c);
      this.layer.gone(c, 'timed-out');
      return;
    }
    if (c.resting || this.dueTo(c, now)) this.rearm(c);
  }

  /** When the next timer is due, ms; `Infinity`: there is none. */
  next(): number {
    return this.timers.next();
  }

  /** What is due to a busy connection. False: it is over. */
  private dueTo(c: Connection, now: number): boolean {
    const { busy } = c;
    const { layer } = this;
    if (busy.timers.at <= now && busy.timers.kind !== TIMER_NONE && !onTimer(c, now)) {
      layer.replies.reset(c);
      layer.gone(c, c.state === SYN_SENT ? 'unreachable' : 'timed-out');
      return false;
    }
    if (busy.timers.delayedAckAt <= now) sendAck(c);
    if (busy.timers.pacingAt <= now) {
      busy.timers.paceDone();
      output(c, now);
    }
    return true;
  }
}
