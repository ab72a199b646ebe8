/**
 * The SYN queue: half-open connections that are remembered, and the time-outs of their SYN-ACKs. Its bound is
 * `limits.synQueue`.
 */
import type { Handle } from '../../ip/contracts/ip-output.js';
import type { TcpContext } from '../state/connection.js';
import { FlowTable } from '../tables/flow-table.js';
import { TimerHeap } from '../tables/timer-heap.js';
import type { HalfOpen } from './half-open.js';
import { repeatSynAck } from './syn-ack.js';

/** The first time-out, ms (RFC 6298 2); each further one is twice as long. */
const FIRST_TIMEOUT = 1000;

export class SynQueue {
  private readonly half: FlowTable<HalfOpen>;
  private readonly timers = new TimerHeap<HalfOpen>();

  constructor(private readonly layer: TcpContext) {
    this.half = new FlowTable<HalfOpen>(layer.hash, layer.ip.peers);
  }

  get size(): number {
    return this.half.size;
  }

  find(remote: Handle, local: Handle, ports: number): HalfOpen | undefined {
    return this.half.get(remote, local, ports);
  }

  [Symbol.iterator](): IterableIterator<HalfOpen> {
    return this.half[Symbol.iterator]();
  }

  /** Its SYN-ACK leaves now. */
  add(one: HalfOpen, now: number): void {
    one.sentAt = now;
    one.deadline = now + FIRST_TIMEOUT;
    this.half.add(one);
    this.timers.arm(one);
  }

  /** Goes on with one of another layer, at the deadline that it has. */
  adopt(one: HalfOpen): void {
    if (this.half.get(one.remoteAddress, one.localAddress, one.ports) !== undefined) return;
    this.half.add(one);
    this.timers.arm(one);
  }

  /**
   * Its client came again and is answered. In the last wait it gets the time that an answer takes: what it sends would
   * otherwise meet nothing that remembers it. One that comes again and again holds a place as a new client would.
   */
  repeat(one: HalfOpen, now: number): void {
    repeatSynAck(this.layer, one, now);
    if (one.retries >= this.layer.limits.synAckRetries) one.deadline = Math.max(one.deadline, now + FIRST_TIMEOUT);
  }

  forget(one: HalfOpen): void {
    one.gone = true;
    one.deadline = Number.POSITIVE_INFINITY;
    this.timers.remove(one);
    this.half.delete(one);
  }

  /** All of them, which are forgotten here. */
  take(): HalfOpen[] {
    const all = [...this];
    for (const one of all) this.forget(one);
    return all;
  }

  /**
   * Forgets one. It is no loss at first: cookies answer for a while. But a client whose SYN-ACK is on its way must come
   * again.
   */
  shed(): boolean {
    const one = this.timers.peek();
    if (one === undefined) return false;
    this.forget(one);
    return true;
  }

  /** Sends again what was not answered in time; returns when the next is due. */
  poll(now: number): number {
    const { layer } = this;
    for (let one = this.timers.take(now); one !== undefined; one = this.timers.take(now)) {
      if (one.gone) continue;
      if (one.retries >= layer.limits.synAckRetries) {
        this.forget(one);
        continue;
      }
      one.retries++;
      try {
        repeatSynAck(layer, one, now);
      } catch (error) {
        this.forget(one);
        layer.faults.note(error, 'connection', now);
        continue;
      }
      one.deadline = now + FIRST_TIMEOUT * 2 ** one.retries;
      this.timers.arm(one);
    }
    return this.timers.next();
  }

  addressLost(address: Handle): void {
    for (const one of [...this]) if (one.localAddress === address) this.forget(one);
  }
}
