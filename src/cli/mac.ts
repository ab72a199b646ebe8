/** Our address on the link. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** `02:00:5e:10:00:01` or with hyphens. Throws a sentence. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) {
    throw new Error('A MAC address is six pairs of hex digits, as in 02:00:5e:10:00:01.');
  }
  const mac = Uint8Array.from(text.split(/[:-]/), (pair) => Number.parseInt(pair, 16));
  if ((mac[0] & 1) !== 0) throw new Error('The first pair of a MAC address is even: odd ones are for groups.');
  if (mac.every((byte) => byte === 0)) throw new Error('A MAC address is not all zeros.');
  return mac;
}

/**
 * A locally administered address that stays the same for this machine and TAP: a new one at every start would take a new
 * lease each time, and leave a stale entry in every neighbour's table.
 */
export function derivedMac(tap: string): Uint8Array {
  const hash = createHash('sha256').update(`${machineId()}\0${hostname()}\0${tap}`).digest();
  const mac = Uint8Array.from(hash.subarray(0, 6));
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return mac;
}

/** Two machines may well have the same name; where there is no id, the name must do. */
function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
