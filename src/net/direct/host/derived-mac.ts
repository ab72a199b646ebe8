/** Our address on the link, where none is given. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { expectSystemError } from '../../../errors/codes.js';

/**
 * A locally administered address that stays the same for this machine and TAP: a new one at every start would take a
 * new lease each time, and leave a stale entry in every neighbour's table.
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
  } catch (error) {
    expectSystemError(error);
    return '';
  }
}
