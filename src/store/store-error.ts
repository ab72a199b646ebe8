import { codeOf, isBug } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';
import { OutputError } from '../native/output-file.js';

/** A user's error that keeps a site from being bundled or a bundle from being opened. Its message is for that user. */
export class StoreError extends UserError {
  override readonly name = 'StoreError';

  constructor(message: string) {
    super(message, 'store');
  }
}

/** The user who runs this has no right to a file or folder. */
export class ClosedError extends StoreError {}

/** Turns an error of the file system into one about `what`. Rethrows an error that is a bug of this program. */
export function fileError(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof OutputError) return new StoreError(error.message);
  if (isBug(error)) throw error;
  switch (codeOf(error)) {
    case 'ENOENT':
      return new StoreError(`${what} does not exist`);
    case 'EACCES':
    case 'EPERM':
      return new ClosedError(`${what} cannot be read: permission denied; make it readable for the user who runs this`);
    case 'EISDIR':
      return new StoreError(`${what} is a directory, and a file was expected`);
    case 'ENOTDIR':
      return new StoreError(`${what} is not a directory`);
    case 'ELOOP':
      return new StoreError(`${what} is a link that leads to itself; remove it`);
    case 'ENOSPC':
      return new StoreError(`${what} cannot be written: the disk is full`);
    case 'EMFILE':
    case 'ENFILE':
      return new StoreError(`${what} cannot be opened: too many files are open; raise the limit (ulimit -n)`);
    default:
      return new StoreError(`${what} cannot be used: ${errorText(error)}`);
  }
}
