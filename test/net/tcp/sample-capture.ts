/**
 * Writes the capture that the site offers: our stack sending 2.5 MB over a cable that loses, repeats and reorders one
 * frame in a hundred each, as the sender's end sees it. The same bytes each time. usage: node sample-capture.js FILE
 */
import { writeFileSync } from 'node:fs';
import { fetchOnce } from './exchange.js';

const body = Buffer.alloc(2_500_000);
for (let i = 0; i < body.length; i++) body[i] = (i * 31 + (i >> 8)) & 255;

// The classic format: magic, version 2.4, no zone, no accuracy, snap length, Ethernet.
const header = Buffer.alloc(24);
header.writeUInt32LE(0xa1b2c3d4, 0);
header.writeUInt16LE(2, 4);
header.writeUInt16LE(4, 6);
header.writeUInt32LE(65_535, 16);
header.writeUInt32LE(1, 20);
const parts: Buffer[] = [header];

const got = fetchOnce(body, 20_261_123, 0.01, 'cubic', (frame, ms) => {
  const record = Buffer.alloc(16);
  record.writeUInt32LE(Math.floor(ms / 1000), 0);
  record.writeUInt32LE(Math.floor((ms % 1000) * 1000), 4);
  record.writeUInt32LE(frame.length, 8);
  record.writeUInt32LE(frame.length, 12);
  parts.push(record, Buffer.from(frame));
});
if (got.reason !== 'finished' || !got.bytes.equals(body)) throw new Error(`the download failed: ${got.reason}`);
writeFileSync(process.argv[2] ?? 'lossy-download.pcap', Buffer.concat(parts));
console.log(`${got.ms.toFixed(0)} ms of virtual time, ${got.retransmissions} segments sent again`);
