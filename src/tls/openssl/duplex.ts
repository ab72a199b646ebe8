/** A flow as a Node stream, for `tls.TLSSocket`, which speaks to sockets and streams alone. */
import { Duplex } from 'node:stream';
import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';

/** Bytes that wait below before a write is called done. */
const ENOUGH = 65_536;

export class FlowDuplex extends Duplex {
  readonly #inner: Flow;
  #written: (() => void) | undefined = undefined;
  /** A call of the flow is under way: what is written leaves when it returns. */
  #inCall = false;
  #isGone = false;

  constructor(inner: Flow) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    inner.lowWater = ENOUGH >> 1;
  }

  override _read(): void {
    if (!this.#isGone) this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#isGone) {
      // OpenSSL uses its buffer again.
      this.#inner.write(new Memory(Uint8Array.from(chunk)), 0, chunk.length);
      if (!this.#inCall) this.#inner.flush();
    }
    if (this.#isGone || this.#inner.queued <= ENOUGH) done();
    else this.#written = done;
  }

  override _final(done: () => void): void {
    if (!this.#isGone) this.#inner.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isGone) this.#inner.end();
    done(error);
  }

  // What the flow's handler passes on.

  arrived(bytes: Uint8Array, start: number, end: number): void {
    this.#inCall = true;
    if (!this.push(Buffer.from(bytes.subarray(start, end)))) this.#inner.pause();
    this.#inCall = false;
  }

  ended(): void {
    this.push(null);
  }

  drained(): void {
    const done = this.#written;
    this.#written = undefined;
    done?.();
  }

  gone(): void {
    this.#isGone = true;
    this.drained();
    this.destroy();
  }
}
