/** The files of the name server, checked before anything is served. */
import { nameText, sameBytes } from '../../dns/wire/name.js';
import { UserError } from '../../errors/user-error.js';
import type { DnsArguments } from '../options/dns.js';
import { readCookieSecrets, readTsigKeys, secondariesOf } from './dns-keys.js';
import { readGoodZone } from './zone-files.js';

/** Reads and checks every zone file, and the keys, before anything is served. Throws a `UserError`. */
export function checkZoneFiles(options: DnsArguments): void {
  const read = options.zones.map((file) => ({ file, apex: readGoodZone(file, () => undefined).loaded.apex! }));
  for (const [i, { file, apex }] of read.entries()) {
    const other = read.slice(0, i).find((one) => sameBytes(one.apex, apex));
    if (other !== undefined)
      throw new UserError(`${other.file} and ${file} are both about ${nameText(apex)}; leave one out`);
  }
  secondariesOf(options.secondaries, options.keys === undefined ? [] : readTsigKeys(options.keys));
  if (options.cookies !== undefined) readCookieSecrets(options.cookies);
}
