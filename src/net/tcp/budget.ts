/**
 * What the layer's state costs, and which state gives way when it costs too much. Half-open connections go first:
 * cookies answer for them. Idle ones go next, those longest silent first, then slow ones, those longest without
 * progress first. All other connections stay, and new ones are refused. All by estimate: bytes that are counted, and
 * what a record of each kind was measured to take.
 */

import type { Connection, TcpContext } from './state/connection.js';
import { CLOSED, ESTABLISHED } from './state/states.js';

/** Bytes of a connection with what its owner has for it; and of what it is lent beside, while it is busy. */
export const CONNECTION_COST = 1024;
export const BUSY_COST = 2048;
export const HALF_OPEN_COST = 256;
const TIME_WAIT_COST = 80;
const RECORD_COST = 192;

/**
 * A connection is idle when nothing is due to it and it was silent this long, ms. It is slow after this long without
 * progress.
 */
const IDLE = 1000;
const SLOW = 5000;
/** Places of the table that one look sees. In a larger table a look goes on from where the last one ended. */
const LOOK = 1024;
/** ms without another look, after all places were seen and no connection was found that can go. */
const LOOK_INTERVAL = 250;

export class Budget {
  /** Bytes that came and are kept: out of order, or for an owner who does not read. */
  received = 0;
  private victims: Connection[] = [];
  /**
   * The place where the next look begins; places that were seen since a connection was found; when all had been seen.
   */
  private hand = 0;
  private barren = 0;
  private barrenAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly layer: TcpContext) {}

  /** Bytes in use now. */
  get used(): number {
    const { layer } = this;
    return (
      this.received +
      layer.connections.size * CONNECTION_COST +
      layer.busyPool.lent * BUSY_COST +
      layer.listening.halfOpen * HALF_OPEN_COST +
      layer.waiting.size * TIME_WAIT_COST +
      layer.pool.used * RECORD_COST
    );
  }

  /** Whether there may be one more connection; makes room for it if it can. */
  admit(): boolean {
    const { layer } = this;
    const { connections, memory } = layer.limits;
    const cost = CONNECTION_COST + BUSY_COST;
    if (this.used + cost > memory && !this.make(cost, undefined)) return false;
    return layer.connections.size < connections || this.shedOne(undefined);
  }

  /** Whether `bytes` more may be kept for `c`; makes room for them if it can, at the cost of others only. */
  keep(c: Connection, bytes: number): boolean {
    return this.used + bytes <= this.layer.limits.memory || this.make(bytes, c);
  }

  /** Whether a half-open connection may be remembered. No other connection gives way to it: a cookie does as well. */
  remember(): boolean {
    return this.used + HALF_OPEN_COST <= this.layer.limits.memory;
  }

  private make(bytes: number, except: Connection | undefined): boolean {
    const { layer } = this;
    const { memory } = layer.limits;
    while (this.used + bytes > memory && layer.listening.shedHalfOpen()) layer.counters.shedHalfOpen++;
    while (this.used + bytes > memory) if (!this.shedOne(except)) return false;
    return true;
  }

  private shedOne(except: Connection | undefined): boolean {
    const { layer } = this;
    if (this.victims.length === 0) this.look();
    for (let c = this.victims.pop(); c !== undefined; c = this.victims.pop()) {
      const idle = this.idleFor(c) >= IDLE;
      if (c === except || (!idle && this.stuckFor(c) < SLOW)) continue;
      if (idle) layer.counters.shedIdle++;
      else layer.counters.shedSlow++;
      layer.abort(c, 'shed');
      return true;
    }
    return false;
  }

  /** ms of silence with nothing due to the peer; -1: something is. */
  private idleFor(c: Connection): number {
    if (c.state === CLOSED || c.state < ESTABLISHED || c.queued > 0 || c.busy.flight.head !== undefined) return -1;
    return this.layer.now - c.heardAt;
  }

  /** ms without progress of what is due to the peer; -1: nothing is. */
  private stuckFor(c: Connection): number {
    if (c.state === CLOSED || (c.queued === 0 && c.busy.flight.head === undefined)) return -1;
    return this.layer.now - Math.max(c.busy.stuckSince, c.sentAt === 0 ? c.heardAt : 0);
  }

  private look(): void {
    const { layer } = this;
    const { connections } = layer;
    if (layer.now - this.barrenAt < LOOK_INTERVAL) return;
    const idle: Connection[] = [];
    const slow: Connection[] = [];
    const places = Math.min(LOOK, connections.places);
    layer.steps.taken += places;
    for (let i = 0; i < places; i++) {
      this.hand = (this.hand + 1) % connections.places;
      const c = connections.at(this.hand);
      if (c === undefined) continue;
      if (this.idleFor(c) >= IDLE) idle.push(c);
      else if (this.stuckFor(c) >= SLOW) slow.push(c);
    }
    idle.sort((a, b) => a.heardAt - b.heardAt);
    slow.sort((a, b) => this.stuckFor(b) - this.stuckFor(a));
    // The last is taken first.
    this.victims = [...idle, ...slow].reverse();
    this.barren = this.victims.length > 0 ? 0 : this.barren + places;
    if (this.barren < connections.places) return;
    this.barren = 0;
    this.barrenAt = layer.now;
  }
}
