/** `--acme-roots`. */
import { hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { readNamed } from '../../native/named-file.js';

/** Bytes; a system's whole bundle has a quarter of it. */
const MOST = 1 << 20;

/** The text of `file`, in PEM. Throws a `UserError` when it cannot be read, or has no certificate. */
export function readRoots(file: string): string {
  try {
    const text = readNamed(file, MOST).toString();
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`--acme-roots: ${error.message}`);
    const why = hasCode(error, 'ENOENT') ? 'there is no such file' : errorText(error);
    throw new UserError(`--acme-roots: ${file} cannot be read: ${why}`);
  }
  throw new UserError(`--acme-roots: ${file} has no certificate in PEM`);
}
