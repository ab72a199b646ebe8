/**
 * The secret of this host's IPv6 identifiers on disk: its addresses stay the same over swaps of programs and restarts
 * (RFC 7217 5).
 */
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../../errors/codes.js';
import { writeDurableNow } from '../../../native/durable.js';
import { makeFolder } from '../../../native/make-folder.js';
import type { StableSecret } from '../../ip/v6/stable-id.js';

const FILE = 'ipv6-secret';
const WORDS = 4;

/** `folder`: where state lies; undefined: nowhere, and the addresses are others at each start. */
export function stableSecret(folder: string | undefined, notice: (sentence: string) => void): StableSecret {
  const known = folder === undefined ? undefined : load(join(folder, FILE));
  if (known !== undefined) return known;
  const made = Array.from(randomFillSync(new Int32Array(WORDS))) as [number, number, number, number];
  if (folder !== undefined) save(folder, made, notice);
  return made;
}

function load(file: string): StableSecret | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
  // A file that is damaged counts as none.
  if (!/^[0-9a-f]{32}$/.test(text)) return undefined;
  return [0, 8, 16, 24].map((at) => Number.parseInt(text.slice(at, at + 8), 16) | 0) as unknown as StableSecret;
}

function save(folder: string, secret: StableSecret, notice: (sentence: string) => void): void {
  const text = secret.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  const file = join(folder, FILE);
  try {
    makeFolder(folder, 0o700);
    writeDurableNow(file, `${text}\n`, 0o600);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    notice(
      `the secret of IPv6 addresses cannot be kept in ${folder} (${error.message}): they will be others at the next start; choose a folder with --state`,
    );
  }
}
