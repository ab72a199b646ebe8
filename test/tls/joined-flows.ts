/**
 * Two flows whose bytes reach each other when a test says so, in pieces of its choice: a connection without a network.
 */

import type { Memory } from '../../src/memory/memory.js';
import type { CloseReason, Endpoint, Flow, FlowHandler, FlowInfo } from '../../src/net/flow.js';
import { kernelInfo } from '../../src/net/sockets/common/kernel-info.js';

export class JoinedFlow implements Flow {
  readonly local: Endpoint = { address: '192.0.2.1', port: 443 };
  readonly remote: Endpoint = { address: '198.51.100.7', port: 40000 };
  handler: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };
  context: unknown = undefined;
  peer!: JoinedFlow;
  /** There where `kernel` was called. */
  offer?: (memory: Memory, start: number, end: number) => number;
  /** Bytes on their way to the peer; the first `#taken` of them are the kernel's. */
  out: Uint8Array = new Uint8Array(0);
  #taken = 0;
  /** All that was ever written. */
  sent = 0;
  ended = false;
  closed: CloseReason | undefined = undefined;
  paused = false;
  #above = false;
  #low = 0;
  #finGiven = false;

  get lowWater(): number {
    return this.#low;
  }

  /** It holds for what is queued already. */
  set lowWater(bytes: number) {
    this.#low = bytes;
    if (this.queued > bytes) this.#above = true;
  }

  get queued(): number {
    return this.out.length - this.#taken;
  }

  /** From now on a kernel takes what is written, and of what is offered `room()` bytes. */
  kernel(room: () => number): void {
    this.offer = (memory, start, end) => {
      if (this.queued > 0) throw new Error('an offer behind what is queued');
      const count = Math.max(0, Math.min(end - start, room()));
      this.#append(memory, start, start + count);
      this.#taken = this.out.length;
      this.#above = count < end - start;
      return count;
    };
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.closed !== undefined || this.ended) return;
    this.#append(memory, start, end);
    if (this.queued > this.lowWater) this.#above = true;
  }

  #append(memory: Memory, start: number, end: number): void {
    const more = new Uint8Array(this.out.length + end - start);
    more.set(this.out);
    more.set(memory.bytes.subarray(start, end), this.out.length);
    this.out = more;
    this.sent += end - start;
  }

  flush(): void {
    if (this.queued > this.lowWater) this.#above = true;
    if (this.offer !== undefined) this.#taken = this.out.length;
  }

  end(): void {
    this.ended = true;
  }

  reset(): void {
    this.close('reset-by-us');
    this.peer.close('reset-by-peer');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  info(): FlowInfo {
    return kernelInfo('ESTABLISHED');
  }

  close(reason: CloseReason): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.out = new Uint8Array(0);
    this.#taken = 0;
    this.handler.closed(this, reason);
  }

  /**
   * Gives the peer at most `count` bytes of what is on its way, through `change`; whether there was something to do.
   */
  deliver(count: number, change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): boolean {
    const { peer } = this;
    if (this.closed !== undefined) return false;
    if (this.out.length > 0) {
      if (peer.paused) return false;
      const taken = this.out.slice(0, count);
      const part = change(taken);
      this.out = this.out.slice(count);
      this.#taken = Math.max(0, this.#taken - taken.length);
      // The buffer is a network's: used again at once.
      const buffer = new Uint8Array(part.length + 8).fill(0x58);
      buffer.set(part, 3);
      if (part.length > 0 && peer.closed === undefined) peer.handler.data(peer, buffer, 3, 3 + part.length);
      buffer.fill(0x0a);
      // A network does so behind each of its calls.
      peer.flush();
      this.#drain();
      return true;
    }
    if (this.#above) {
      this.#drain();
      return true;
    }
    if (!this.ended || this.#finGiven) return false;
    this.#finGiven = true;
    peer.handler.ended(peer);
    if (this.peer.#finGiven) {
      this.close('finished');
      peer.close('finished');
    }
    return true;
  }

  #drain(): void {
    if (!this.#above || this.queued > this.lowWater || this.closed !== undefined) return;
    this.#above = false;
    this.handler.drained(this);
    this.flush();
  }
}

export function joinedFlows(): [client: JoinedFlow, server: JoinedFlow] {
  const client = new JoinedFlow();
  const server = new JoinedFlow();
  client.peer = server;
  server.peer = client;
  return [client, server];
}

/** Lets both sides talk until neither has something to say; at most `rounds` deliveries, in pieces of `size` bytes. */
export function talk(client: JoinedFlow, server: JoinedFlow, size = 65_536, rounds = 100_000): void {
  for (let i = 0; i < rounds; i++) {
    const first = client.deliver(size);
    const second = server.deliver(size);
    if (!first && !second) return;
  }
  throw new Error('they do not come to an end');
}
