/**
 * A descriptor that carries frames, as a `Device`: non-blocking reads and gathering writes straight on it, with the
 * kernel's checksum and segmentation offload (virtio-net header before each frame). Nothing is allocated a frame. A TAP
 * is one, a packet socket on a network card another.
 */

import type { Memory } from '../../../memory/memory.js';
import { EAGAIN, EINTR } from '../../../native/libc/errno.js';
import { type Libc, libc } from '../../../native/libc/libc.js';
import { memoryAddress } from '../../../native/libc/memory-address.js';
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import { type Device, type FrameSink, type Offload, RX_CHECKSUM_OK, RX_PLAIN } from '../device.js';
import { HEAD_SIZE, HEADROOM, MAX_PIECES, TxFrame } from '../tx-frame.js';

/** A received frame may be a super-segment: 64 KiB of IP, Ethernet, virtio-net header. */
export const RECEIVE_SIZE = 65_536 + 64;
/**
 * Frames that are read before the first of them is handed on: the kernel's code for the one and ours for the other take
 * turns in the processor's caches less often. No more, since what was read comes late by as much.
 */
const BATCH = 16;
/** Bytes of an `iovec`: address and length, 64 bits each. */
export const IOVEC = 16;

// struct virtio_net_hdr_mrg_rxbuf
const VNET_FLAGS = 0;
const VNET_GSO_SIZE = 4;
const VNET_CHECKSUM_OFFSET = 8;
const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const GSO_NONE = 0;
/** In the byte behind the flags. */
const GSO_TCPV4 = 1 << 8;
const GSO_TCPV6 = 4 << 8;

/** An open descriptor, one frame a read and a write. */
export interface OpenDescriptor {
  readonly fd: number;
  /** Of the interface. */
  readonly name: string;
  /** What it is, for messages: `the TAP tap0`. */
  readonly title: string;
  /** Our address on the link, six bytes. */
  readonly mac: Uint8Array;
  /** Bytes of the virtio-net header before each frame: 12, 10 (without `num_buffers`), or 0: none. */
  readonly header: 0 | 10 | 12;
  readonly checksum: boolean;
  readonly segmentation: boolean;
  readonly mtu: number;
  /** Whether a read or write that failed with `errno` says that the interface is gone for good. */
  readonly gone: (errno: number) => boolean;
}

export class DescriptorDevice implements Device {
  readonly name: string;
  /** What it is, for messages: `the TAP tap0`. */
  readonly title: string;
  mtu: number;
  readonly mac: Uint8Array;
  readonly offload: Offload;
  readonly tx: TxFrame;
  onReadable: (() => void) | undefined = undefined;
  /** For a caller that waits until it is readable. */
  readonly fd: number;
  /**
   * The receive buffers, one behind the other. A caller that waits by reading (libuv) reads to the first, then calls
   * `deliver`.
   */
  readonly buffer: Uint8Array;
  /** Writes that the kernel refused. */
  transmitFailures = 0;
  /** The errno of the last refused write, and of a read that failed for good; 0: none. */
  lastError = 0;
  /** The interface was removed, or set down for good, while we used it. */
  gone = false;

  protected readonly c: Libc;
  /**
   * Where each of the buffers is. An `undefined` behind them: an array of nothing but fractions and large numbers holds
   * them in a way that makes an object of each that is handed on.
   */
  private readonly receiveAddresses: readonly (number | undefined)[];
  /** Of the frames that were read, the virtio-net header included. */
  private readonly lengths = new Int32Array(BATCH);
  private readonly headAddress: number;
  protected readonly vnet: number;
  private readonly saysGone: (errno: number) => boolean;
  private readonly iovec: Pinned;
  /** The iovec array as pairs of 32-bit words. */
  private readonly words: Uint32Array;
  /** Where pieces without an address are copied to. */
  private copies: Pinned | undefined = undefined;
  private copied = 0;
  /** `tx.head` as words. */
  private readonly headWords: Int32Array;
  private closed = false;

  constructor(open: OpenDescriptor) {
    this.c = libc();
    this.name = open.name;
    this.title = open.title;
    this.fd = open.fd;
    this.mtu = open.mtu;
    this.mac = open.mac;
    this.vnet = open.header;
    this.saysGone = open.gone;
    this.offload = { checksum: open.checksum, segmentation: open.segmentation ? 65_535 : 0 };
    const receive = pinned(BATCH * RECEIVE_SIZE);
    this.buffer = receive.bytes;
    const addresses = Array.from({ length: BATCH }, (_, i) => receive.address + i * RECEIVE_SIZE);
    this.receiveAddresses = [...addresses, undefined];
    const head = pinned(HEAD_SIZE);
    this.tx = new TxFrame(head.bytes);
    this.headAddress = head.address;
    this.headWords = new Int32Array(head.bytes.buffer, head.bytes.byteOffset, HEAD_SIZE / 4);
    this.iovec = pinned((MAX_PIECES + 1) * IOVEC);
    this.words = new Uint32Array(this.iovec.bytes.buffer, this.iovec.bytes.byteOffset, (MAX_PIECES + 1) * 4);
  }

  resize(mtu: number): void {
    this.mtu = mtu;
  }

  receive(sink: FrameSink, budget: number): number {
    const { c, fd, receiveAddresses, buffer, lengths } = this;
    let taken = 0;
    for (;;) {
      const wanted = Math.min(BATCH, budget - taken);
      let got = 0;
      while (got < wanted) {
        const length = c.read(fd, receiveAddresses[got] as number, RECEIVE_SIZE);
        if (length <= 0) {
          if (length < 0) this.readFailed(c.errno());
          break;
        }
        lengths[got++] = length;
      }
      for (let i = 0; i < got; i++) this.deliverFrom(buffer, i * RECEIVE_SIZE, lengths[i], sink);
      taken += got;
      if (got < wanted || taken === budget) return taken;
    }
  }

  /** Hands over what was read to `buffer`: `length` bytes, the virtio-net header included. */
  deliver(length: number, sink: FrameSink): void {
    this.deliverFrom(this.buffer, 0, length, sink);
  }

  /** As `deliver`, of what was read to `bytes` at `at`. */
  protected deliverFrom(bytes: Uint8Array, at: number, length: number, sink: FrameSink): void {
    const vnet = this.vnet;
    if (length <= vnet) return;
    let marks = RX_PLAIN;
    // A checksum that was never finished has not left this machine; one marked valid was verified below.
    if (vnet !== 0 && (bytes[at + VNET_FLAGS] & (NEEDS_CSUM | DATA_VALID)) !== 0) marks = RX_CHECKSUM_OK;
    sink(bytes, at + vnet, at + length, marks);
  }

  protected readFailed(errno: number): void {
    if (errno === EAGAIN || errno === EINTR) return;
    this.lastError = errno;
    if (this.saysGone(errno)) this.gone = true;
  }

  transmit(): boolean {
    const tx = this.tx;
    const vnet = this.vnet;
    if (vnet !== 0) this.writeVnetHeader(tx);
    const from = this.headAddress + tx.first - vnet;
    const headLength = vnet + tx.length;
    const sent =
      tx.pieces === 0
        ? this.c.write(this.fd, from, headLength)
        : tx.pieces === 1 && tx.start[0] === 0 && (tx.length & 3) === 2 && tx.memory[0].headroom !== undefined
          ? this.inPlace(tx, tx.memory[0], headLength)
          : this.gather(tx, from, headLength);
    if (sent >= 0) return true;
    return this.writeFailed();
  }

  private writeFailed(): boolean {
    const errno = this.c.errno();
    this.transmitFailures += 1;
    this.lastError = errno;
    if (errno !== EAGAIN && this.saysGone(errno)) this.gone = true;
    return false;
  }

  private writeVnetHeader(tx: TxFrame): void {
    const { view } = tx;
    const at = tx.first - this.vnet;
    // Two fields a word, in the machine's byte order, which is little-endian wherever there is a TAP of ours.
    const cut = tx.segmentSize === 0 ? GSO_NONE : tx.first === HEADROOM ? GSO_TCPV4 : GSO_TCPV6;
    const kind = (tx.checksumStart === 0 ? 0 : NEEDS_CSUM) | cut;
    view.setInt32(at + VNET_FLAGS, kind | (tx.segmentHeader << 16), true);
    view.setInt32(at + VNET_GSO_SIZE, tx.segmentSize | (tx.checksumStart << 16), true);
    view.setUint16(at + VNET_CHECKSUM_OFFSET, tx.checksumOffset, true);
    if (this.vnet > 10) view.setUint16(at + 10, 0, true);
  }

  /** Puts the headers into the room before the payload, and writes both with one `write`. */
  private inPlace(tx: TxFrame, memory: Memory, headLength: number): number {
    const room = memory.headroom as Int32Array;
    const words = this.headWords;
    // Ethernet at 18 or 38 and headers of 14 + 4 n bytes end on a word: whole words are copied, some bytes before the
    // first one too.
    let from = (tx.first + tx.length) >> 2;
    const first = (tx.first - this.vnet) >> 2;
    for (let to = room.length; from > first; ) room[--to] = words[--from];
    return this.c.write(this.fd, memoryAddress(memory) - headLength, headLength + tx.end[0]);
  }

  /** Writes head and pieces with one `writev`. Returns the result of that call. */
  private gather(tx: TxFrame, from: number, headLength: number): number {
    this.copied = 0;
    this.setEntry(0, from, headLength);
    const pieces = tx.pieces;
    for (let i = 0; i < pieces; i++) {
      const memory = tx.memory[i];
      const start = tx.start[i];
      const end = tx.end[i];
      const base = memory.address !== 0 ? memory.address : memoryAddress(memory);
      this.setEntry(i + 1, base !== 0 ? base + start : this.copy(memory.bytes, start, end), end - start);
    }
    return this.c.writev(this.fd, this.iovec.address, pieces + 1);
  }

  private setEntry(index: number, address: number, length: number): void {
    const words = this.words;
    const at = index * 4;
    words[at] = address >>> 0;
    words[at + 1] = (address / 0x1_0000_0000) | 0;
    words[at + 2] = length;
  }

  /** Copies bytes that have no stable place; returns where to. A frame has at most 64 KiB of payload. */
  private copy(bytes: Uint8Array, start: number, end: number): number {
    this.copies ??= pinned(RECEIVE_SIZE);
    const at = this.copied;
    this.copies.bytes.set(bytes.subarray(start, end), at);
    this.copied = at + end - start;
    return this.copies.address + at;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onReadable = undefined;
    this.c.close(this.fd);
  }
}
