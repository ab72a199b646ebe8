/**
 * The frame under construction: one a device, used again for each transmission, so that sending allocates nothing.
 *
 * `head` holds headers (and, for small answers, the payload copied behind them); the rest of the payload is a list of
 * references. Layout: `head[first .. first + length)` is the frame from its Ethernet header on; the bytes before
 * `first` belong to the device (a virtio-net header). The transport's header has one place for both families, so
 * headers grow towards the front: an IPv4 frame begins at `HEADROOM`, an IPv6 frame 20 bytes before that.
 */
import { Memory } from '../../memory/memory.js';

/** How much longer the IPv6 header is than the IPv4 header. */
const IPV6_LONGER = 20;
/**
 * Where the Ethernet header of an IPv4 or ARP frame begins. The IP header of both families lies on a 4-byte boundary.
 */
export const HEADROOM = 18 + IPV6_LONGER;
/** Where the Ethernet header of an IPv6 frame begins. */
export const HEADROOM_IPV6 = HEADROOM - IPV6_LONGER;
export const ETHERNET_HEADER = 14;
/** Where the IPv4 header begins in `head`. */
export const IP_OFFSET = HEADROOM + ETHERNET_HEADER;
/** Where the IPv6 header begins in `head`. */
export const IPV6_OFFSET = HEADROOM_IPV6 + ETHERNET_HEADER;
/** Where the transport header begins in `head`, when the IP header carries no options and no extension headers. */
export const TRANSPORT_OFFSET = IP_OFFSET + 20;
/** Size of `head`: a full Ethernet frame and some. */
export const HEAD_SIZE = 2048;
/** Most payload references in one frame. */
export const MAX_PIECES = 16;

const nothing = new Memory(new Uint8Array(0));

export class TxFrame {
  readonly head: Uint8Array;
  readonly view: DataView;
  /** Where the frame begins in `head`: `HEADROOM` (IPv4, ARP) or `HEADROOM_IPV6`. */
  first = HEADROOM;
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
  /** For the IP header: whether the packet must not be cut on its way (RFC 791 3.1, RFC 1191). */
  dontFragment = false;
  /** For the IP header: DSCP and ECN, 0 to 255. */
  tos = 0;
  /** For the IP header: time to live or hop limit, 1 to 255; 0: the stack's. */
  ttl = 0;

  /** `head` may be handed in by a device that needs it at a fixed address. */
  constructor(head: Uint8Array = new Uint8Array(HEAD_SIZE)) {
    this.head = head;
    this.view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  }

  /** Empties it for the next frame. */
  reset(): void {
    this.first = HEADROOM;
    this.length = 0;
    this.pieces = 0;
    this.payload = 0;
    this.checksumStart = 0;
    this.checksumOffset = 0;
    this.segmentSize = 0;
    this.segmentHeader = 0;
    this.dontFragment = false;
    this.tos = 0;
    this.ttl = 0;
  }

  /**
   * Makes room for the longer header of IPv6. The writer of the transport's header does not know the family: it counted
   * from where an IPv4 frame begins.
   */
  growForIpv6(): void {
    this.first = HEADROOM_IPV6;
    this.length += IPV6_LONGER;
    if (this.checksumStart !== 0) this.checksumStart += IPV6_LONGER;
    if (this.segmentSize !== 0) this.segmentHeader += IPV6_LONGER;
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

  /** Copies the whole frame to `target[at..)`; returns its length. For devices that need it in one piece. */
  copyTo(target: Uint8Array, at: number): number {
    target.set(this.head.subarray(this.first, this.first + this.length), at);
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
