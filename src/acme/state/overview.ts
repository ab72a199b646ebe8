/** What lies in a folder of certificates, for people and for commands; nothing is changed. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AcmeError } from '../protocol/problem.js';
import { CERTIFICATE, loadCertificate, type StoredCertificate } from './certificate-state.js';
import { loadRenewal, RENEWAL, REQUEST, type RenewalState } from './renewal-state.js';
import { FolderStorage } from './storage.js';

export interface KeptCertificate {
  readonly storage: FolderStorage;
  /** The folder's name: as `folderFor` has it. */
  readonly name: string;
  readonly stored: StoredCertificate | undefined;
  /** Why what is stored cannot be used. */
  readonly damage: string | undefined;
  readonly renewal: RenewalState | undefined;
  /** A person asked for a new one, and no server has taken that up. */
  readonly requested: boolean;
}

/** Those in `folder`, by name; none where there is no such folder. Rejects with an `AcmeError` of code `state`. */
export async function keptCertificates(folder: string): Promise<KeptCertificate[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((one) => one.isDirectory()).map(({ name }) => name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === undefined) throw error;
    throw new AcmeError('state', `the state cannot be read: ${message}`);
  }
  const found = await Promise.all(names.sort().map((name) => kept(new FolderStorage(join(folder, name)), name)));
  return found.filter((one) => one !== undefined);
}

/** Undefined: a folder without a certificate or a plan. */
async function kept(storage: FolderStorage, name: string): Promise<KeptCertificate | undefined> {
  const [text, plan] = await Promise.all([storage.read(CERTIFICATE), storage.read(RENEWAL)]);
  if (text === undefined && plan === undefined) return undefined;
  const [{ state: renewal }, request] = await Promise.all([loadRenewal(storage), storage.read(REQUEST)]);
  const common = { storage, name, renewal, requested: request !== undefined && request !== renewal?.handled };
  try {
    return { ...common, stored: await loadCertificate(storage), damage: undefined };
  } catch (error) {
    if (!(error instanceof AcmeError)) throw error;
    return { ...common, stored: undefined, damage: error.message };
  }
}
