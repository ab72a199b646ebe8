/** Zone files of the command line: read and checked; problems are reported with file, line and column. */
import { isBuilt, readBuilt } from '../../dns/zone/built.js';
import { checkZone } from '../../dns/zone/check.js';
import { hasErrors, type LoadedZone, loadZone } from '../../dns/zone/load.js';
import { problemText } from '../../dns/zone/problem.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { readNamed } from '../../native/named-file.js';
import { NodeCrypto } from './node-crypto.js';

/** A larger file is hardly a zone of a site, and its answers would not fit into memory. */
const MAX_SIZE = 64 * 2 ** 20;

export interface ReadZone {
  readonly bytes: Uint8Array;
  readonly loaded: LoadedZone;
}

/**
 * Reads a zone file, or one that `zone build` wrote, and returns it with its problems. Throws a `UserError` when it
 * cannot be read.
 */
export function readZone(file: string): ReadZone {
  const bytes = readBytes(file);
  if (!isBuilt(bytes)) return { bytes, loaded: loadZone(bytes, file) };
  const built = readBuilt(bytes, (one) => new NodeCrypto().digest(one));
  if (built === undefined) throw new UserError(`${file} is damaged; build it again with "zone build"`);
  return { bytes, loaded: { ...built, problems: checkZone(built.records, built.apex) } };
}

function readBytes(file: string): Uint8Array {
  try {
    return readNamed(file, MAX_SIZE);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UserError(`there is no zone file ${file}; check its path`);
    if (code === 'EISDIR') throw new UserError(`${file} is a directory; give the path of a zone file`);
    throw new UserError(`${file} cannot be read: ${errorText(error)}`);
  }
}

/**
 * Reads a zone that must be without errors; warnings go to `warn`. Throws a `UserError` with every error on a line of
 * its own.
 */
export function readGoodZone(file: string, warn: (message: string) => void): ReadZone {
  const read = readZone(file);
  const { problems } = read.loaded;
  if (hasErrors(problems)) {
    const errors = problems.filter(({ severity }) => severity === 'error').map((one) => problemText(file, one));
    throw new UserError(errors.join('\n'));
  }
  for (const one of problems) warn(problemText(file, one));
  return read;
}
