import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import { FRAME_HEADER, putFrameHeader, putUint32 } from './frames.js';

/** Octets that are gathered before they are sent; a frame that is copied is shorter. */
const SIZE = 32768;

/**
 * What the server writes to one flow in one call of the network: frame headers, field blocks and short content in one
 * run of bytes, and long content by reference between them. It leaves as one memory, so that a hundred answers are one
 * piece for the network. One for all connections.
 */
export class Batch {
  readonly #bytes = new Uint8Array(SIZE);
  #length = 0;
  /** How much of `bytes` comes before each reference. */
  #count = 0;
  readonly #ends: number[] = [];
  readonly #memories: (Memory | undefined)[] = [];
  readonly #starts: number[] = [];
  readonly #stops: number[] = [];
  #flow: Flow | undefined = undefined;
  /** Octets that were written since it was opened, those by reference included; and of them those that were copied. */
  octets = 0;
  copied = 0;

  /** From now on the batch is for `flow`. Bytes left by an exception are discarded: their flow is over. */
  open(flow: Flow): void {
    this.#flow = flow;
    this.#memories.fill(undefined, 0, this.#count);
    this.#count = 0;
    this.#length = 0;
    this.octets = 0;
    this.copied = 0;
  }

  /** Reserves room for `size` octets; returns where they begin in `bytes`. */
  reserve(size: number): number {
    if (this.#length + size > SIZE) this.flush();
    const at = this.#length;
    this.#length = at + size;
    this.octets += size;
    this.copied += size;
    return at;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** A frame's header; `length` octets of payload have to follow. */
  header(length: number, type: number, flags: number, stream: number): void {
    const at = this.reserve(FRAME_HEADER);
    putFrameHeader(this.#bytes, at, length, type, { flags, stream });
  }

  /** Octets of a payload, copied. */
  put(bytes: Uint8Array, start: number, end: number): void {
    const at = this.reserve(end - start);
    this.#bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
  }

  /** A frame whose payload is one 32-bit number. */
  word(type: number, stream: number, value: number): void {
    this.header(4, type, 0, stream);
    putUint32(this.#bytes, this.reserve(4), value);
  }

  /** Octets of a payload, by reference. */
  refer(memory: Memory, start: number, end: number): void {
    const i = this.#count++;
    this.#ends[i] = this.#length;
    this.#memories[i] = memory;
    this.#starts[i] = start;
    this.#stops[i] = end;
    this.octets += end - start;
  }

  /** Writes what is in it. */
  flush(): void {
    const flow = this.#flow!;
    const length = this.#length;
    let from = 0;
    let made: Memory | undefined;
    if (length > 0) {
      made = Memory.withHeadroom(length);
      made.bytes.set(this.#bytes.subarray(0, length));
    }
    for (let i = 0; i < this.#count; i++) {
      const end = this.#ends[i]!;
      if (end > from) flow.write(made!, from, end);
      flow.write(this.#memories[i]!, this.#starts[i]!, this.#stops[i]!);
      this.#memories[i] = undefined;
      from = end;
    }
    if (length > from) flow.write(made!, from, length);
    this.#count = 0;
    this.#length = 0;
  }
}
