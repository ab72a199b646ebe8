/**
 * Numbers that stand for what was sent, and for a state: equal when two runs did the same, and hardly ever otherwise.
 */
import { HEADROOM_IPV6, IP_OFFSET, IPV6_OFFSET, TRANSPORT_OFFSET, type TxFrame } from '../../device/tx-frame.js';

/** FNV-1a, twice, from two bases: 64 bits. */
export class Digest {
  high = 0x811c9dc5 | 0;
  low = 0x2f0b4a27 | 0;

  byte(value: number): void {
    this.high = Math.imul(this.high ^ (value & 255), 0x01000193);
    this.low = Math.imul(this.low ^ ((value & 255) + 1), 0x01000193);
  }

  word(value: number): void {
    this.high = Math.imul(this.high ^ value, 0x01000193);
    this.low = Math.imul(this.low ^ (value >>> 16) ^ (value << 16), 0x01000193);
    this.high ^= this.high >>> 15;
    this.low ^= this.low >>> 13;
  }

  bytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
    for (let i = start; i < end; i++) this.byte(bytes[i]);
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
  }

  toString(): string {
    return [this.high, this.low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/**
 * Takes in a frame that is sent: its headers whole, and how long it is. A segment's data and its checksum are left out:
 * bytes of long answers are not in a recording.
 */
export function digestFrame(digest: Digest, tx: TxFrame): void {
  const { head } = tx;
  digest.word(tx.total);
  digest.word(tx.segmentSize);
  const whole = tx.first + tx.length;
  let end = whole;
  if (carriesTcp(tx)) {
    const tcp = TRANSPORT_OFFSET;
    end = Math.min(whole, tcp + (head[tcp + 12] >> 4) * 4);
    digest.bytes(head, tx.first, Math.min(end, tcp + 16));
    digest.bytes(head, Math.min(end, tcp + 18), end);
    return;
  }
  digest.bytes(head, tx.first, end);
}

/**
 * A whole datagram of either family with TCP right behind its header: neither options nor extension headers are sent.
 */
function carriesTcp({ head, first }: TxFrame): boolean {
  if (first === HEADROOM_IPV6) return head[IPV6_OFFSET + 6] === 6;
  return head[IP_OFFSET - 2] === 8 && head[IP_OFFSET - 1] === 0 && head[IP_OFFSET + 9] === 6;
}

/**
 * What is not the stack's: where frames go, which owner a connection has, how numbers are drawn, where bytes of answers
 * lie, where in a device's buffer the last frame and its headers lay.
 */
const OUTSIDE = new Set([
  'device',
  'tx',
  'random',
  'handler',
  'context',
  'opened',
  'watcher',
  'memory',
  'options',
  'pool',
  'free',
  'segment',
  'datagram',
  'headers',
  'outside',
  'probe',
  'answers',
]);

/** The digest of everything that can be reached from `root`, in the order of its fields. */
export function digestState(root: unknown): Digest {
  const digest = new Digest();
  const seen = new Map<object, number>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'number') digest.text(Object.is(value, -0) ? '0' : String(value));
    else if (typeof value !== 'object' || value === null)
      digest.text(typeof value === 'function' ? 'f' : String(value));
    else if (seen.has(value)) digest.word(seen.get(value)!);
    else {
      seen.set(value, seen.size);
      if (ArrayBuffer.isView(value)) {
        digest.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
        continue;
      }
      digest.text(value.constructor?.name ?? '');
      const parts: unknown[] = isIterable(value)
        ? [...value]
        : Object.entries(value).filter(([name]) => !OUTSIDE.has(name));
      for (let i = parts.length - 1; i >= 0; i--) waiting.push(parts[i]);
    }
  }
  return digest;
}

/** Arrays, sets, maps and caches, whose fields are private. Not our tables: their fields say more. */
function isIterable(value: object): value is Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  return value.constructor?.name === 'LRUCache';
}
