/** Zone files of the command line: read, checked, and what is wrong with them told with file, line and column. */
import { readFileSync, statSync } from 'node:fs';
import { hasErrors, type LoadedZone, loadZone } from '../dns/zone/load.js';
import { problemText } from '../dns/zone/problem.js';
import { Failure } from './failure.js';

/** Beyond this a file is hardly a zone of a site, and its answers would not fit into memory. */
const MAX_SIZE = 64 * 2 ** 20;

/** Reads a zone file with whatever problems it has. Throws a `Failure` when there is no file that can be read. */
export function readZone(file: string): LoadedZone {
  return loadZone(readZoneBytes(file), file);
}

export function readZoneBytes(file: string): Uint8Array {
  try {
    if (statSync(file).size > MAX_SIZE)
      throw new Failure(`${file} has more than ${MAX_SIZE / 2 ** 20} MiB; a zone file has less`);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Failure(`there is no file ${file}; give a zone file with --zone`);
    if (code === 'EISDIR') throw new Failure(`${file} is a directory; give a zone file with --zone`);
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Reads a zone file that must be without errors; warnings go to `warn`. Throws a `Failure` with every error on a line of its own. */
export function readGoodZone(file: string, warn: (message: string) => void): LoadedZone {
  const zone = readZone(file);
  const { problems } = zone;
  if (hasErrors(problems)) {
    const errors = problems.filter(({ severity }) => severity === 'error').map((one) => problemText(file, one));
    throw new Failure(errors.join('\n'));
  }
  for (const one of problems) warn(problemText(file, one));
  return zone;
}
