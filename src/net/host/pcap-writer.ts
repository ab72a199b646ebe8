/**
 * A capture in memory, as a classic pcap file with nanoseconds (draft-ietf-opsawg-pcap), for Wireshark. Needs no file
 * system.
 */

const LINKTYPE_ETHERNET = 1;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** The largest frame that a record may hold, bytes. */
const SNAP_LENGTH = 262_144;

export class PcapWriter {
  readonly #records: { readonly time: number; readonly frame: Uint8Array }[] = [];
  #size = FILE_HEADER;

  /** Adds a frame, which must not change afterwards; `time` in ms since 1970. */
  frame(time: number, frame: Uint8Array): void {
    this.#records.push({ time, frame });
    this.#size += RECORD_HEADER + frame.length;
  }

  /** The file as it stands. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC_NANOSECONDS, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, SNAP_LENGTH, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
    let at = FILE_HEADER;
    for (const { time, frame } of this.#records) {
      const seconds = Math.floor(time / 1000);
      view.setUint32(at, seconds, true);
      view.setUint32(at + 4, Math.round((time - seconds * 1000) * 1e6) % 1e9, true);
      view.setUint32(at + 8, frame.length, true);
      view.setUint32(at + 12, frame.length, true);
      bytes.set(frame, at + RECORD_HEADER);
      at += RECORD_HEADER + frame.length;
    }
    return bytes;
  }
}
