/** Files and folders that may not be there, or not be for us to read. Whatever else fails is thrown. */
import { readdirSync, readFileSync } from 'node:fs';
import { expectSystemError } from '../errors/codes.js';

/** Undefined: it is not there, or cannot be read. */
export function textIfReadable(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    expectSystemError(error);
    return undefined;
  }
}

/** None: it is not there, or cannot be read. */
export function namesIfReadable(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    expectSystemError(error);
    return [];
  }
}
