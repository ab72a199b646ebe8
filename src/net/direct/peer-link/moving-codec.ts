/** Records of moving connections as JSON: bytes in base64. */
import type { MovingRecord, Piece } from '../../tcp/moving/record.js';

export function encodeRecord(record: MovingRecord): object {
  const { busy } = record;
  if (busy === undefined) return record;
  const queue = busy.queue.map((one) => ('bytes' in one ? { base64: Buffer.from(one.bytes).toString('base64') } : one));
  return { ...record, busy: { ...busy, queue } };
}

/** What is not as it should be is left to who adopts it. */
export function decodeRecord(said: unknown): MovingRecord {
  const record = said as MovingRecord;
  const queue: unknown = record?.busy?.queue;
  if (!Array.isArray(queue)) return record;
  return { ...record, busy: { ...record.busy!, queue: queue.map(decodePiece) } };
}

function decodePiece(said: { readonly base64?: unknown } & Piece): Piece {
  if (typeof said?.base64 !== 'string') return said;
  // A copy of its own: small buffers share their memory, and this one is kept.
  return { bytes: Uint8Array.from(Buffer.from(said.base64, 'base64')) };
}
