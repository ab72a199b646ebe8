/**
 * Does in software what a device with offloads does in hardware: finishes checksums and cuts TCP super-segments into
 * frames that fit the wire. For the in-memory link, so that the offloaded path of the stack is tested without a kernel.
 */
import { ETHERNET_HEADER, type TxFrame } from '../tx-frame.js';

const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;
/** Offsets in the TCP header: sequence number, flags, checksum. */
const TCP_SEQ = 4;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;

/** Gets one complete frame: `bytes[0..length)` from the Ethernet header on, valid during the call only. */
export type WireFrame = (bytes: Uint8Array, length: number) => void;

/** RFC 1071: 16-bit one's-complement sum of `bytes[start..end)` added to `sum`, folded, not inverted. */
function onesSum(bytes: Uint8Array, start: number, end: number, sum: number): number {
  let i = start;
  for (; i + 1 < end; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  if (i < end) sum += bytes[i] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

const IPV6_HEADER = 40;

function isIpv6(bytes: Uint8Array): boolean {
  return bytes[ETHERNET_HEADER] >> 4 === 6;
}

/** Source, destination, protocol and length as RFC 9293 3.1 and RFC 8200 8.1 add them to the transport's checksum. */
function pseudoHeaderSum(bytes: Uint8Array, transport: number, length: number): number {
  if (isIpv6(bytes)) {
    const sum = bytes[ETHERNET_HEADER + 6] + (length - transport);
    return onesSum(bytes, ETHERNET_HEADER + 8, ETHERNET_HEADER + IPV6_HEADER, sum);
  }
  const sum = bytes[ETHERNET_HEADER + 9] + (length - transport);
  return onesSum(bytes, ETHERNET_HEADER + 12, ETHERNET_HEADER + 20, sum);
}

export class SoftwareOffload {
  private readonly whole = new Uint8Array(ETHERNET_HEADER + 65_535);
  private readonly cut = new Uint8Array(ETHERNET_HEADER + 65_535);

  /** Hands each frame that goes on the wire for `tx` to `emit`, in order. */
  frames(tx: TxFrame, emit: WireFrame): void {
    const whole = this.whole;
    const length = tx.copyTo(whole, 0);
    const header = tx.segmentHeader;
    if (tx.segmentSize === 0 || length - header <= tx.segmentSize) {
      if (tx.checksumStart > 0) {
        // The field holds the folded pseudo-header sum, which takes part in the sum as it stands.
        const at = tx.checksumStart + tx.checksumOffset;
        const sum = ~onesSum(whole, tx.checksumStart, length, 0) & 0xffff;
        put16(whole, at, sum === 0 && tx.checksumOffset === 6 ? 0xffff : sum);
      }
      emit(whole, length);
      return;
    }
    this.segments(length, header, tx.segmentSize, emit);
  }

  private segments(length: number, header: number, size: number, emit: WireFrame): void {
    const { whole, cut } = this;
    const ipv6 = isIpv6(whole);
    const transport = ETHERNET_HEADER + (ipv6 ? IPV6_HEADER : (whole[ETHERNET_HEADER] & 0x0f) * 4);
    const flags = whole[transport + TCP_FLAGS];
    const view = new DataView(whole.buffer);
    const seq = view.getUint32(transport + TCP_SEQ);
    cut.set(whole.subarray(0, header));
    let index = 0;
    for (let at = header; at < length; at += size) {
      const until = Math.min(at + size, length);
      const end = header + until - at;
      cut.set(whole.subarray(at, until), header);
      if (ipv6) put16(cut, ETHERNET_HEADER + 4, end - transport);
      else this.ipv4Header(transport, end, index);
      new DataView(cut.buffer).setUint32(transport + TCP_SEQ, (seq + at - header) >>> 0);
      // CWR belongs to the first segment (RFC 3168 6.1.2), FIN and PSH to the last.
      let own = flags;
      if (at > header) own &= ~CWR;
      if (until < length) own &= ~(FIN | PSH);
      cut[transport + TCP_FLAGS] = own;
      put16(cut, transport + TCP_CHECKSUM, 0);
      const sum = onesSum(cut, transport, end, pseudoHeaderSum(cut, transport, end));
      put16(cut, transport + TCP_CHECKSUM, ~sum & 0xffff);
      emit(cut, end);
      index += 1;
    }
  }

  /** Length, ID and checksum of the `index`th segment, which ends at `end`. */
  private ipv4Header(transport: number, end: number, index: number): void {
    const { whole, cut } = this;
    put16(cut, ETHERNET_HEADER + 2, end - ETHERNET_HEADER);
    put16(cut, ETHERNET_HEADER + 4, (get16(whole, ETHERNET_HEADER + 4) + index) & 0xffff);
    put16(cut, ETHERNET_HEADER + 10, 0);
    put16(cut, ETHERNET_HEADER + 10, ~onesSum(cut, ETHERNET_HEADER, transport, 0) & 0xffff);
  }
}
