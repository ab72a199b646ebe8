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
  /**
   * Until the handshake is over: what waits for the piece before it, a turn of the loop. Node destroys a socket whose
   * handshake fails, together with an alert that waits behind a write under way. So no piece is read while the answer
   * to the one before may be under way.
   */
  #held: (Buffer | null)[] | undefined = undefined;
  #handshake = true;
  #ended = false;
  readonly #unfinished: () => void;

  /** `unfinished`: the peer has ended, and the handshake is not over, so that it never will be. */
  constructor(inner: Flow, unfinished: () => void = () => undefined) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#unfinished = unfinished;
    inner.lowWater = ENOUGH >> 1;
  }

  /** The handshake is over. */
  established(): void {
    this.#handshake = false;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const one of held) this.#give(one);
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
    this.#come(Buffer.from(bytes.subarray(start, end)));
    this.#inCall = false;
  }

  ended(): void {
    this.#come(null);
  }

  #come(piece: Buffer | null): void {
    if (this.#held !== undefined) this.#held.push(piece);
    else this.#give(piece);
  }

  #give(piece: Buffer | null): void {
    if (this.#isGone) return;
    if (this.#handshake) {
      this.#held = [];
      this.#ended = piece === null;
      // Node calls a write done in an immediate of its own, which comes behind the first of these.
      setImmediate(() => setImmediate(this.#next));
    }
    if (!this.push(piece) && piece !== null) this.#inner.pause();
  }

  readonly #next = (): void => {
    const held = this.#held;
    this.#held = undefined;
    if (this.#ended && this.#handshake && !this.#isGone) return this.#unfinished();
    if (held === undefined || held.length === 0) return;
    const [first, ...others] = held as [Buffer | null, ...(Buffer | null)[]];
    this.#give(first);
    for (const one of others) this.#come(one);
  };

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
