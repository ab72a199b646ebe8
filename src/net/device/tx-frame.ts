/**
 * The frame under construction: one a device, used again for each transmission, so that sending allocates nothing.
 *
 * `head` holds headers (and, for small answers, the payload copied behind them); the rest of the payload is a list of
 * references. Layout: `head[HEADROOM .. HEADROOM + length)` is the frame from its Ethernet header on; the bytes before
 * `HEADROOM` belong to the device (a virtio-net header).
 */
import { Memory } from '../../memory/memory.js';

/** Bytes before the Ethernet header that the device may use. Ethernet at 18 puts the IP header on a 4-byte boundary (32). */
export const HEADROOM = 18;
export const ETHERNET_HEADER = 14;
/** Where the IP header begins in `head`. */
export const IP_OFFSET = HEADROOM + ETHERNET_HEADER;
/** Where the transport header begins in `head`, when the IP header carries no options. */
export const TRANSPORT_OFFSET = IP_OFFSET + 20;
/** Size of `head`: a full Ethernet frame and some. */
export const HEAD_SIZE = 2048;
/** Most payload references in one frame. */
export const MAX_PIECES = 16;

const nothing = new Memory(new Uint8Array(0));

export class TxFrame {
  readonly head: Uint8Array;
  readonly view: DataView;
  /** Bytes of the frame that lie in `head`, from the Ethernet header on. */
  length = 0;
  /** Payload after `head`: `pieces` entries of the three arrays are in use. */
  pieces = 0;
  readonly memory: Memory[] = new Array<Memory>(MAX_PIECES).fill(nothing);
  readonly start = new Int32Array(MAX_PIECES);
  readonly end = new Int32Array(MAX_PIECES);
  /** Bytes in the pieces. */
  payload = 0;
  /** Offset in the frame (from the Ethernet header) where the unfinished checksum's range begins; 0: it is complete. */
  checksumStart = 0;
  /** Where, after `checksumStart`, the checksum field lies (16 in TCP, 6 in UDP). */
  checksumOffset = 0;
  /** Payload bytes of each segment that the device is to cut; 0: one frame as it is. */
  segmentSize = 0;
  /** Bytes of all headers, from Ethernet on, that the device repeats before each segment it cuts. */
  segmentHeader = 0;

  /** `head` may be handed in by a device that needs it at a fixed address. */
  constructor(head: Uint8Array = new Uint8Array(HEAD_SIZE)) {
    this.head = head;
    this.view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  }

  /** Empties it for the next frame. */
  reset(): void {
    this.length = 0;
    this.pieces = 0;
    this.payload = 0;
    this.checksumStart = 0;
    this.checksumOffset = 0;
    this.segmentSize = 0;
    this.segmentHeader = 0;
  }

  /** Adds `memory.bytes[start..end)` behind what is there. False when all places are taken. */
  push(memory: Memory, start: number, end: number): boolean {
    const at = this.pieces;
    if (at === MAX_PIECES) return false;
    this.memory[at] = memory;
    this.start[at] = start;
    this.end[at] = end;
    this.pieces = at + 1;
    this.payload += end - start;
    return true;
  }

  /** Bytes of the whole frame, from the Ethernet header on. */
  get total(): number {
    return this.length + this.payload;
  }

  /** Copies the whole frame to `target[at..)`; answers its length. For devices that need it in one piece. */
  copyTo(target: Uint8Array, at: number): number {
    target.set(this.head.subarray(HEADROOM, HEADROOM + this.length), at);
    let to = at + this.length;
    for (let i = 0; i < this.pieces; i++) {
      const from = this.start[i];
      const until = this.end[i];
      target.set(this.memory[i].bytes.subarray(from, until), to);
      to += until - from;
    }
    return to - at;
  }
}
