/** Frames of a capture file that the program wrote (pcapng, little-endian, one interface). */
import { readFileSync } from 'node:fs';

export interface Captured {
  readonly inbound: boolean;
  readonly bytes: Buffer;
}

export function captured(file: string): Captured[] {
  const bytes = readFileSync(file);
  const frames: Captured[] = [];
  for (let at = 0; at + 12 <= bytes.length; at += bytes.readUInt32LE(at + 4)) {
    if (bytes.readUInt32LE(at) !== 6) continue;
    const length = bytes.readUInt32LE(at + 20);
    const options = at + 28 + length + (-length & 3);
    frames.push({
      inbound: (bytes.readUInt32LE(options + 4) & 3) === 1,
      bytes: bytes.subarray(at + 28, at + 28 + length),
    });
  }
  return frames;
}
