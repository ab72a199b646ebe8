/** A flow that OpenSSL protects: a `tls.TLSSocket` over another flow. */
import type { TLSSocket } from 'node:tls';
import type { Memory } from '../../memory/memory.js';
import type { Endpoint as Address, CloseReason, Flow, FlowHandler, FlowInfo, FlowSecurity } from '../../net/flow.js';
import { SendQueue } from '../../net/sockets/libc/send-queue.js';

/** Bytes that OpenSSL may have and not have passed on: it encrypts all that it is given at once. */
const PART = 65_536;
/** Bytes of one record (RFC 5246 6.2.1): shorter pieces become one, as each write becomes records of its own. */
const RECORD = 16_384;

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

export class OpensslFlow implements Flow {
  handler: FlowHandler = silent;
  context: unknown = undefined;
  readonly security: FlowSecurity;
  readonly #inner: Flow;
  readonly #socket: TLSSocket;
  readonly #faulted: (error: unknown) => void;
  readonly #queue = new SendQueue();
  #low = 0;
  #above = false;
  #inCall = false;
  #endAsked = false;
  #over = false;

  /** `faulted` gets an exception in a call of the stream: it ends the connection. */
  constructor(inner: Flow, socket: TLSSocket, security: FlowSecurity, faulted: (error: unknown) => void) {
    this.#inner = inner;
    this.#socket = socket;
    this.security = security;
    this.#faulted = faulted;
    socket.on('data', (chunk: Buffer) => this.#call(() => this.handler.data(this, chunk, 0, chunk.length)));
    socket.on('end', () => this.#call(() => this.handler.ended(this)));
    // What is wrong follows with `close`; OpenSSL has sent the alert.
    socket.on('error', () => undefined);
  }

  get local(): Address {
    return this.#inner.local;
  }

  get remote(): Address {
    return this.#inner.remote;
  }

  get queued(): number {
    return this.#over ? 0 : this.#queue.bytes + this.#socket.writableLength + this.#inner.queued;
  }

  get unacknowledged(): number | undefined {
    if (this.#over) return 0;
    const below = this.#inner.unacknowledged;
    return below === undefined ? undefined : below + this.#queue.bytes + this.#socket.writableLength;
  }

  get lowWater(): number {
    return this.#low;
  }

  set lowWater(bytes: number) {
    this.#low = bytes;
    if (this.queued > bytes) this.#above = true;
  }

  info(): FlowInfo {
    return this.#inner.info();
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.#endAsked || this.#over || end <= start) return;
    this.#queue.push(memory, start, end);
    if (this.queued > this.#low) this.#above = true;
  }

  flush(): void {
    if (this.#over) return;
    const queue = this.#queue;
    const socket = this.#socket;
    while (queue.bytes > 0 && socket.writableLength === 0 && this.#inner.queued <= PART) {
      const part = nextPart(queue);
      socket.write(part, this.#written);
      queue.taken(part.length);
    }
    if (this.#endAsked && queue.bytes === 0 && !socket.writableEnded) socket.end();
  }

  readonly #written = (): void => {
    if (this.#over) return;
    // The flow below makes the same report, and guards that call itself. Here libuv calls.
    try {
      this.flush();
      this.drained();
    } catch (error) {
      this.#faulted(error);
    }
  };

  /** OpenSSL, or the flow below, has passed something on. */
  drained(): void {
    if (this.#over) return;
    if (this.#above && this.queued <= this.#low) {
      this.#above = false;
      this.#call(() => this.handler.drained(this));
    } else this.flush();
  }

  end(): void {
    if (this.#endAsked || this.#over) return;
    this.#endAsked = true;
    if (!this.#inCall) this.flush();
  }

  reset(): void {
    this.#inner.reset();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The flow below is gone. */
  closed(reason: CloseReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue.clear();
    this.handler.closed(this, reason);
  }

  #call(what: () => void): void {
    if (this.#over) return;
    try {
      this.#inCall = true;
      what();
      this.#inCall = false;
      this.flush();
    } catch (error) {
      this.#inCall = false;
      this.#faulted(error);
    }
  }
}

/** The front of the queue: a long piece by reference, short ones copied into one. */
function nextPart(queue: SendQueue): Buffer {
  const start = queue.starts[queue.head]!;
  const length = queue.ends[queue.head]! - start;
  if (length >= RECORD || length === queue.bytes) {
    const { bytes } = queue.memories[queue.head]!;
    return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, Math.min(PART, length));
  }
  const part = Buffer.allocUnsafe(Math.min(RECORD, queue.bytes));
  queue.copy(0, part, 0, part.length);
  return part;
}
