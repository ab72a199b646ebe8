/** The files of the certificates: those of the command line, ordered ones, or the self-signed one. */
import { join } from 'node:path';
import { CERTIFICATE } from '../../acme/state/certificate-state.js';
import { folderFor } from '../../acme/state/storage.js';

import { stateFolder } from '../../native/home.js';
import type { AcmeArguments } from '../options/acme.js';
import type { ServeOptions } from '../options/serve.js';
import type { TlsArguments } from '../options/tls.js';
import { selfSignedFiles, selfSignedNow } from './self-signed-files.js';

export interface CertificateFiles {
  /** PEM files that must exist. */
  readonly given: TlsArguments['files'];
  /** PEM files with chain and key, each of which exists once it has been ordered. */
  readonly ordered: readonly string[];
  /**
   * The self-signed certificate, used while none of the others exists: made now if it is missing. Throws a `UserError`.
   */
  readonly otherwise: () => TlsArguments['files'][number];
  /** Another one like that, in PEM, which is kept nowhere. */
  readonly anew: () => { readonly certificate: string; readonly key: string };
}

export function certificateFiles(options: ServeOptions): CertificateFiles {
  const { acme, tls, state = stateFolder() } = options;
  return {
    given: tls?.files ?? [],
    ordered: acme === undefined ? [] : orderedFiles(acme),
    otherwise: () => selfSignedFiles(state, selfSignedNames(options)),
    anew: () => selfSignedNow(selfSignedNames(options)),
  };
}

/** Files of ordered certificates, one for each list of names. */
export function orderedFiles({ certificates, state }: AcmeArguments): string[] {
  return certificates.map((names) => join(state, folderFor(names), CERTIFICATE));
}

/** Names for `localhost`, and for the address as far as it is known beforehand. */
function selfSignedNames({ net, host, direct }: ServeOptions): string[] {
  const own = net === 'socket' ? host : direct.static === undefined ? undefined : direct.static.address;
  const names = ['localhost', '127.0.0.1'];
  const usable = own !== undefined && own !== '0.0.0.0' && /^[A-Za-z0-9.-]+$/.test(own);
  return usable && !names.includes(own) ? [...names, own.toLowerCase()] : names;
}
