/** A MAC address that is given. */
import { UserError } from '../../errors/user-error.js';

/** `02:00:5e:10:00:01` or with hyphens. Throws a `UserError`. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) {
    throw new UserError('A MAC address is six pairs of hex digits, as in 02:00:5e:10:00:01.');
  }
  const mac = Uint8Array.from(text.split(/[:-]/), (pair) => Number.parseInt(pair, 16));
  if ((mac[0] & 1) !== 0) throw new UserError('The first pair of a MAC address is even: odd ones are for groups.');
  if (mac.every((byte) => byte === 0)) throw new UserError('A MAC address is not all zeros.');
  return mac;
}
