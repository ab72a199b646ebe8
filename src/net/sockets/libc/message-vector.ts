/**
 * Memory of `recvmmsg` and `sendmmsg`: headers, addresses, control messages and payloads of many datagrams, at
 * addresses that stay.
 */
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import { MESSAGE_VECTOR } from '../../../native/sockets/sockets.js';

/** Datagrams that one call reads, and one sends. */
export const AT_ONCE = 32;
/** Bytes of the longest datagram that is read or sent; a longer one is dropped. */
export const SIZE = 4096;
/** Room for an address. */
export const NAME = 32;
const CONTROL = 64;

/** Room for `AT_ONCE` messages with everything that the kernel wants of each. */
export class MessageVector {
  readonly memory: Pinned = pinned(AT_ONCE * (MESSAGE_VECTOR.size + 16 + NAME + CONTROL + SIZE));
  readonly bytes = this.memory.bytes;
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  private readonly iovs = AT_ONCE * MESSAGE_VECTOR.size;
  private readonly names = this.iovs + AT_ONCE * 16;
  private readonly controls = this.names + AT_ONCE * NAME;
  private readonly payloads = this.controls + AT_ONCE * CONTROL;

  constructor() {
    const { view, memory } = this;
    for (let i = 0; i < AT_ONCE; i++) {
      const at = this.message(i);
      this.pointer(at + MESSAGE_VECTOR.name, memory.address + this.name(i));
      this.pointer(at + MESSAGE_VECTOR.iov, memory.address + this.iovs + i * 16);
      this.pointer(at + MESSAGE_VECTOR.iovLength, 1);
      this.pointer(at + MESSAGE_VECTOR.control, memory.address + this.control(i));
      this.pointer(this.iovs + i * 16, memory.address + this.payload(i));
      view.setUint32(this.iovs + i * 16 + 8, SIZE, true);
    }
  }

  message(i: number): number {
    return i * MESSAGE_VECTOR.size;
  }

  name(i: number): number {
    return this.names + i * NAME;
  }

  control(i: number): number {
    return this.controls + i * CONTROL;
  }

  payload(i: number): number {
    return this.payloads + i * SIZE;
  }

  /** Lengths that a call reads and writes over. */
  set(i: number, nameLength: number, controlLength: number): void {
    const at = this.message(i);
    this.view.setUint32(at + MESSAGE_VECTOR.nameLength, nameLength, true);
    this.view.setUint32(at + MESSAGE_VECTOR.controlLength, controlLength, true);
  }

  setLength(i: number, length: number): void {
    this.view.setUint32(this.iovs + i * 16 + 8, length, true);
  }

  /** Addresses have 48 bits, which a number holds. */
  private pointer(at: number, value: number): void {
    this.view.setUint32(at, value % 2 ** 32, true);
    this.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}
