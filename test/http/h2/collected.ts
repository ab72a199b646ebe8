/** Decoded fields as lines of text, for tests of HPACK alone. */
import type { DecodedFields } from '../../../src/http/hpack/decoder.js';

export class Collected implements DecodedFields {
  readonly bytes = new Uint8Array(262144);
  at = 0;
  readonly full = false;
  lines: string[] = [];

  begin(): void {
    this.at = 0;
    this.lines = [];
  }

  kindOf(): number {
    return 0;
  }

  add(nameLength: number, valueLength: number): void {
    const end = this.at + nameLength + 2 + valueLength;
    this.lines.push(Buffer.from(this.bytes.subarray(this.at, end)).toString('latin1'));
    this.at = end + 2;
  }
}
