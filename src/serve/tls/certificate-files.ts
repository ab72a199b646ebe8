/**
 * Which files have the certificates: those of the command line, or the self-signed one, which is made if there is none.
 */

import { stateFolder } from '../../net/direct/address/lease-file.js';
import type { ServeOptions } from '../options/serve.js';
import type { TlsArguments } from '../options/tls.js';
import { selfSignedFiles } from './self-signed-files.js';

/** Throws a `Failure`. */
export function certificateFiles(options: ServeOptions): TlsArguments['files'] {
  const given = options.tls?.files ?? [];
  if (given.length > 0) return given;
  return [selfSignedFiles(options.state ?? stateFolder(), selfSignedNames(options))];
}

/** Names for `localhost`, and for the address as far as it is known beforehand. */
function selfSignedNames({ net, host, direct }: ServeOptions): string[] {
  const own = net === 'socket' ? host : direct.static === undefined ? undefined : direct.static.address;
  const names = ['localhost', '127.0.0.1'];
  const usable = own !== undefined && own !== '0.0.0.0' && /^[A-Za-z0-9.-]+$/.test(own);
  return usable && !names.includes(own) ? [...names, own.toLowerCase()] : names;
}
