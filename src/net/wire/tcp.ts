/** TCP segments as bytes (RFC 9293 3.1): where fields lie, and options parsed into one reusable record. */

export const TCP_HEADER = 20;
export const PROTOCOL_TCP = 6;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;
/** RFC 7323 2.3: a larger shift counts as 14. */
const MAX_WINDOW_SCALE = 14;

/** A 32-bit field as an int32, so that it stays a small integer. */
export function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

export function uint16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** One segment's header and options; one instance is used again for each segment. */
export class Segment {
  sourcePort = 0;
  destinationPort = 0;
  seq = 0;
  ack = 0;
  flags = 0;
  /** As it stands in the header: unscaled, 0..65535 (RFC 9293 MUST-1: unsigned). */
  window = 0;
  urgent = 0;
  /** The payload is `bytes[start..end)`. */
  start = 0;
  end = 0;
  /** Maximum segment size; -1: no such option. */
  mss = -1;
  /** Window scale, at most 14; -1: none. */
  scale = -1;
  sackPermitted = false;
  timestamps = false;
  tsVal = 0;
  tsEcr = 0;
  /** Blocks in `sack`: left edge, right edge, in turn. */
  sackBlocks = 0;
  readonly sack = new Int32Array(8);

  /**
   * Reads the header at `start`. False when it is not one: shorter than 20 bytes or a data offset outside of the
   * segment. Options of a wrong length end the options, and do no harm (RFC 9293 MUST-7); unknown ones are skipped
   * (MUST-6).
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < TCP_HEADER) return false;
    const header = (bytes[start + 12] >> 4) * 4;
    if (header < TCP_HEADER || start + header > end) return false;
    this.sourcePort = uint16At(bytes, start);
    this.destinationPort = uint16At(bytes, start + 2);
    this.seq = int32At(bytes, start + 4);
    this.ack = int32At(bytes, start + 8);
    this.flags = bytes[start + 13];
    this.window = uint16At(bytes, start + 14);
    this.urgent = uint16At(bytes, start + 18);
    this.start = start + header;
    this.end = end;
    this.mss = -1;
    this.scale = -1;
    this.sackPermitted = false;
    this.timestamps = false;
    this.sackBlocks = 0;
    if (header > TCP_HEADER) this.parseOptions(bytes, start + TCP_HEADER, start + header);
    return true;
  }

  private parseOptions(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    // The shape that nearly every segment of an open connection has: NOP NOP Timestamps.
    if (end - start === 12 && bytes[at] === 1 && bytes[at + 1] === 1 && bytes[at + 2] === 8 && bytes[at + 3] === 10) {
      this.timestamps = true;
      this.tsVal = int32At(bytes, at + 4);
      this.tsEcr = int32At(bytes, at + 8);
      return;
    }
    while (at < end) {
      const kind = bytes[at];
      if (kind === OPTION_END) return;
      if (kind === OPTION_NOP) {
        at++;
        continue;
      }
      const length = at + 1 < end ? bytes[at + 1] : 0;
      if (length < 2 || at + length > end) return;
      if (kind === OPTION_MSS && length === 4) this.mss = uint16At(bytes, at + 2);
      else if (kind === OPTION_WINDOW_SCALE && length === 3) this.scale = Math.min(bytes[at + 2], MAX_WINDOW_SCALE);
      else if (kind === OPTION_SACK_PERMITTED && length === 2) this.sackPermitted = true;
      else if (kind === OPTION_TIMESTAMPS && length === 10) {
        this.timestamps = true;
        this.tsVal = int32At(bytes, at + 2);
        this.tsEcr = int32At(bytes, at + 6);
      } else if (kind === OPTION_SACK && length >= 10 && (length - 2) % 8 === 0) {
        const blocks = Math.min((length - 2) / 8, 4);
        for (let i = 0; i < blocks * 2; i++) this.sack[i] = int32At(bytes, at + 2 + i * 4);
        this.sackBlocks = blocks;
      }
      at += length;
    }
  }

  /** Sequence numbers that it takes: payload, SYN, FIN. */
  get length(): number {
    const flags = this.flags;
    return this.end - this.start + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  }
}
