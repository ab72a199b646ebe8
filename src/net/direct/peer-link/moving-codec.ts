/**
 * Records of moving connections as messages. To a program from before TLS moved, JSON with bytes in base64, as one of
 * what is said. Else a message of its own: the length of some JSON (32 bits, big endian), the JSON, in which `{"$":
 * [place, length]}` stands for bytes, and those bytes. Keys are among them: they are never text, and are overwritten
 * when they have left, and when they have come.
 */
import type { Piece } from '../../../memory/pieces.js';
import { RefusedMove } from '../../refused-move.js';
import type { MovingRecord } from '../../tcp/moving/record.js';

export function encodeRecord(record: MovingRecord): object {
  const { busy } = record;
  if (busy === undefined) return record;
  const queue = busy.queue.map((one) => ('bytes' in one ? { base64: Buffer.from(one.bytes).toString('base64') } : one));
  return { ...record, busy: { ...busy, queue } };
}

/** A value that is not as it should be is left to the code that adopts the record. */
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

/** The message; every array of bytes in `records` is overwritten. */
export function encodeBatch(records: readonly MovingRecord[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const text = JSON.stringify(records, (_name, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    parts.push(value);
    length += value.length;
    return { $: [length - value.length, value.length] };
  });
  const json = Buffer.from(text, 'utf8');
  const message = new Uint8Array(4 + json.length + length);
  new DataView(message.buffer).setUint32(0, json.length);
  message.set(json, 4);
  let at = 4 + json.length;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
    part.fill(0);
  }
  return message;
}

/**
 * The records of a message, which is overwritten. Throws a `RefusedMove`. The code that adopts a record checks the
 * rest.
 */
export function decodeBatch(message: Uint8Array): MovingRecord[] {
  try {
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const start = message.length < 4 ? Number.POSITIVE_INFINITY : 4 + view.getUint32(0);
    if (start > message.length) throw new RefusedMove('moved-batch', 'records that are not whole');
    const text = Buffer.from(message.buffer, message.byteOffset + 4, start - 4).toString('utf8');
    const bytes = message.subarray(start);
    const records: unknown = JSON.parse(text, (_name, value: unknown) => bytesAt(value, bytes));
    if (!Array.isArray(records)) throw new RefusedMove('moved-batch', 'no list of records');
    return records as MovingRecord[];
  } catch (error) {
    // Too deep for the stack is as bad as no JSON.
    if (error instanceof SyntaxError || error instanceof RangeError)
      throw new RefusedMove('moved-batch', 'records that are no JSON');
    throw error;
  } finally {
    message.fill(0);
  }
}

/** The bytes that `value` stands for, a copy of their own; else itself. */
function bytesAt(value: unknown, bytes: Uint8Array): unknown {
  if (typeof value !== 'object' || value === null || !('$' in value)) return value;
  const place: unknown = value.$;
  if (!Array.isArray(place)) throw new RefusedMove('moved-batch', 'bytes without a place');
  const [at, length] = place as [unknown, unknown];
  if (!isCount(at) || !isCount(length) || at + length > bytes.length)
    throw new RefusedMove('moved-batch', 'bytes that are not there');
  return new Uint8Array(bytes.subarray(at, at + length));
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}
