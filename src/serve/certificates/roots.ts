/** `--acme-roots`. */
import { readFileSync } from 'node:fs';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';

/** The text of `file`, in PEM. Throws a `UserError` when it cannot be read, or has no certificate. */
export function readRoots(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    throw new UserError(`--acme-roots: ${file} cannot be read: ${errorText(error)}`);
  }
  throw new UserError(`--acme-roots: ${file} has no certificate in PEM`);
}
