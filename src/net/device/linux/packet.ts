/** A network card as a `Device`, by a packet socket: for a virtual machine or a container whose card is ours alone. */
import { interfaceIndex } from '../../../native/interfaces.js';
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import type { FrameSink } from '../device.js';
import { DescriptorDevice, IOVEC, RECEIVE_SIZE } from './descriptor-device.js';
import { hearGroup, openPacketSocket, type PacketOptions } from './packet-open.js';

/** Frames that one call may bring. */
const BATCH = 32;
/** `struct mmsghdr`: a `struct msghdr` of 56 bytes, the length received, padding. */
const MESSAGE = 64;
const IOVEC_AT = 16;
const IOVEC_COUNT_AT = 24;
const LENGTH_AT = 56;

export class PacketDevice extends DescriptorDevice {
  private readonly frames: Pinned;
  private readonly messages: Pinned;
  /** `messages` as words. */
  private readonly messageWords: Uint32Array;

  /** Throws a `UserError` when the card cannot be had. */
  constructor(options: PacketOptions) {
    super(openPacketSocket(options));
    this.frames = pinned(BATCH * RECEIVE_SIZE);
    this.messages = pinned(BATCH * MESSAGE);
    const vectors = pinned(BATCH * IOVEC);
    const setAddress = ({ bytes }: Pinned, at: number, value: number): void =>
      new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at, BigInt(value), true);
    for (let i = 0; i < BATCH; i++) {
      setAddress(vectors, i * IOVEC, this.frames.address + i * RECEIVE_SIZE);
      setAddress(vectors, i * IOVEC + 8, RECEIVE_SIZE);
      setAddress(this.messages, i * MESSAGE + IOVEC_AT, vectors.address + i * IOVEC);
      setAddress(this.messages, i * MESSAGE + IOVEC_COUNT_AT, 1);
    }
    this.messageWords = new Uint32Array(
      this.messages.bytes.buffer,
      this.messages.bytes.byteOffset,
      (BATCH * MESSAGE) / 4,
    );
  }

  join(group: Uint8Array): void {
    hearGroup(this.c, this.fd, interfaceIndex(this.name), group, true);
  }

  leave(group: Uint8Array): void {
    hearGroup(this.c, this.fd, interfaceIndex(this.name), group, false);
  }

  override receive(sink: FrameSink, budget: number): number {
    const { c, fd, messages, messageWords: words } = this;
    const { bytes } = this.frames;
    let taken = 0;
    while (taken < budget) {
      const wanted = Math.min(BATCH, budget - taken);
      const received = c.recvmmsg(fd, messages.address, wanted, 0, 0);
      if (received < 0) {
        this.readFailed(c.errno());
        break;
      }
      for (let i = 0; i < received; i++) {
        this.deliverFrom(bytes, i * RECEIVE_SIZE, words[(i * MESSAGE + LENGTH_AT) >> 2], sink);
      }
      taken += received;
      // Fewer than wanted: the queue was empty.
      if (received < wanted) break;
    }
    return taken;
  }
}
