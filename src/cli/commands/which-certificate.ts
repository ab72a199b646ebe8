/** Which of the certificates in a state folder a command means. */
import type { StoredCertificate } from '../../acme/state/certificate-state.js';
import { type KeptCertificate, keptCertificates } from '../../acme/state/overview.js';
import { folderFor } from '../../acme/state/storage.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import type { CertificateOptions } from '../arguments/certificate.js';

/** Whether it is for `domain`, by any of its names. */
export function isFor({ name, stored }: KeptCertificate, domain: string): boolean {
  return name === folderFor([domain]) || stored?.facts.names.includes(domain) === true;
}

/** The certificate that is meant, which must be there. Rejects with a `UserError`. */
export async function theStored(
  options: Pick<CertificateOptions, 'folder' | 'domain'>,
): Promise<{ name: string; stored: StoredCertificate }> {
  const { stored, damage, name } = await theOne(options);
  if (stored !== undefined) return { name, stored };
  throw new UserError(`there is no certificate for ${name}${damage === undefined ? '' : `: ${damage}`}`);
}

/** The certificate that is meant. Rejects with a `UserError`. */
export async function theOne({
  folder,
  domain,
}: Pick<CertificateOptions, 'folder' | 'domain'>): Promise<KeptCertificate> {
  const all = await keptCertificates(folder);
  const names = all.map(({ name }) => name).join(', ') || 'none';
  if (domain !== undefined) {
    const found = all.find((one) => isFor(one, domain));
    if (found === undefined)
      throw new UserError(`there is no certificate for ${domain} in ${folder}; there are: ${names}`);
    return found;
  }
  const [first, second] = all;
  if (first === undefined) throw new UserError(`there are no certificates in ${folder}`);
  if (second !== undefined) throw badUsage(`there are several certificates: ${names}; name one with --domain`);
  return first;
}
