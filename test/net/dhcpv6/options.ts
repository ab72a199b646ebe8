/** Options of DHCPv6 by hand (RFC 8415 21.1). */
import { concat, view } from '../../sim/packets.js';

export function option(code: number, data: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  view(head).setUint16(0, code);
  view(head).setUint16(2, data.length);
  return concat(head, data);
}

/** Four octets each, the highest first. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  for (const [i, value] of values.entries()) view(bytes).setUint32(i * 4, value);
  return bytes;
}
