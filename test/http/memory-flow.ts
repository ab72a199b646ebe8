import type { Memory } from '../../src/memory/memory.js';
import type { Accept, CloseReason, Endpoint, Flow, FlowHandler, FlowInfo, FlowSecurity } from '../../src/net/flow.js';

const encoder = new TextEncoder();

/** Both ends of a connection in memory: `Flow` for the server, and what a client does with it for the test. */
export class MemoryFlow implements Flow {
  readonly local: Endpoint = { address: '192.0.2.1', port: 80 };
  readonly remote: Endpoint;
  security: FlowSecurity | undefined;
  handler!: FlowHandler;
  context: unknown;
  lowWater = 0;
  queued = 0;
  /** Whether the client takes what is sent as soon as the server has returned. */
  reading = true;
  /** What the client has taken. */
  readonly chunks: Uint8Array[] = [];
  readonly #queue: { memory: Memory; start: number; end: number; copy: Uint8Array }[] = [];
  #pendingInput: Uint8Array[] = [];
  #pendingFin = false;
  paused = false;
  /** The server has sent FIN, and the client has taken everything before it. */
  ended = false;
  #endQueued = false;
  #clientEnded = false;
  #aboveLow = false;
  closed: CloseReason | undefined;
  writes = 0;

  constructor(address = '198.51.100.7', port = 40000) {
    this.remote = { address, port };
  }

  static connect(accept: Accept, address?: string, security?: FlowSecurity): MemoryFlow {
    const flow = new MemoryFlow(address);
    flow.security = security;
    accept(flow);
    flow.flush();
    return flow;
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.closed !== undefined || this.#endQueued) return;
    if (!(start >= 0 && start < end && end <= memory.bytes.length)) throw new Error(`write of ${start}..${end}`);
    this.writes++;
    // The copy shows whether anybody has changed bytes that were handed out.
    this.#queue.push({ memory, start, end, copy: memory.bytes.slice(start, end) });
    this.queued += end - start;
    if (this.queued > this.lowWater) this.#aboveLow = true;
  }

  flush(): void {
    // `lowWater` may have been set since it was written.
    if (this.queued > this.lowWater) this.#aboveLow = true;
    if (this.reading) this.take(Number.POSITIVE_INFINITY);
  }

  end(): void {
    this.#endQueued = true;
    this.#settle();
  }

  reset(): void {
    this.#close('reset-by-us');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  info(): FlowInfo {
    return {
      srtt: 12.5,
      rttvar: 1,
      cwnd: 14600,
      ssthresh: undefined,
      bytesInFlight: this.queued,
      retransmissions: 2,
      state: 'ESTABLISHED',
    };
  }

  /** The client sends; in a buffer that is overwritten afterwards, as a network's is. */
  send(data: string | Uint8Array): void {
    if (this.closed !== undefined) return;
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    if (bytes.length === 0) return;
    if (this.paused) {
      this.#pendingInput.push(bytes.slice());
      return;
    }
    const buffer = new Uint8Array(bytes.length + 8).fill(0x58);
    buffer.set(bytes, 3);
    this.handler.data(this, buffer, 3, 3 + bytes.length);
    buffer.fill(0x0a);
    this.#afterCall();
  }

  /** The client sends FIN. */
  finish(): void {
    if (this.closed !== undefined || this.#clientEnded) return;
    if (this.paused) {
      this.#pendingFin = true;
      return;
    }
    this.#clientEnded = true;
    this.handler.ended(this);
    this.#afterCall();
  }

  /** The client resets. */
  abort(): void {
    this.#close('reset-by-peer');
  }

  /** The client takes at most `count` bytes. */
  take(count: number): void {
    let left = count;
    while (left > 0 && this.#queue.length > 0) {
      const first = this.#queue[0]!;
      const { memory, copy } = first;
      for (let i = 0; i < copy.length; i++) {
        if (memory.bytes[first.start + i] !== copy[i]) throw new Error('bytes that were handed out have changed');
      }
      const size = Math.min(left, first.end - first.start);
      this.chunks.push(memory.bytes.slice(first.start, first.start + size));
      left -= size;
      this.queued -= size;
      if (size === first.end - first.start) this.#queue.shift();
      else {
        first.start += size;
        first.copy = copy.subarray(size);
      }
    }
    if (this.#aboveLow && this.queued <= this.lowWater && this.closed === undefined) {
      this.#aboveLow = false;
      this.handler.drained(this);
      this.#afterCall();
    }
    this.#settle();
  }

  /** Everything the client has taken, as one. */
  get received(): Uint8Array {
    const all = new Uint8Array(this.chunks.reduce((sum, c) => sum + c.length, 0));
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  /** The same as Latin-1 text. */
  get text(): string {
    return Buffer.from(this.received).toString('latin1');
  }

  #afterCall(): void {
    if (this.queued > this.lowWater) this.#aboveLow = true;
    this.flush();
    while (!this.paused && this.#pendingInput.length > 0 && this.closed === undefined) {
      const next = this.#pendingInput.shift()!;
      this.send(next);
    }
    if (!this.paused && this.#pendingFin) {
      this.#pendingFin = false;
      this.finish();
    }
  }

  #settle(): void {
    if (!this.#endQueued || this.queued > 0) return;
    this.ended = true;
    if (this.#clientEnded) this.#close('finished');
  }

  #close(reason: CloseReason): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.queued = 0;
    this.#queue.length = 0;
    this.handler.closed(this, reason);
  }
}
