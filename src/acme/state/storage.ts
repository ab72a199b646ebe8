/** Where certificates, keys and plans are kept: small texts by name, each there whole or not at all. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurable } from '../../native/durable.js';
import { AcmeError } from '../protocol/problem.js';

export interface Storage {
  /** Undefined: there is none of that name. Rejects with an `AcmeError` of code `state` when it cannot be read. */
  read(name: string): Promise<string | undefined>;
  /**
   * Resolves when it would outlive a power cut. Rejects with an `AcmeError` of code `state`; then the old text is still
   * there.
   */
  write(name: string, text: string): Promise<void>;
}

/** Bytes of one text. */
const LONGEST = 1_048_576;

/** Files in one folder, for the owner's eyes alone: all of them hold keys, or say who has them. */
export class FolderStorage implements Storage {
  readonly folder: string;

  /** `folder` is made when something is written. */
  constructor(folder: string) {
    this.folder = folder;
  }

  async read(name: string): Promise<string | undefined> {
    try {
      const text = await readFile(join(this.folder, name), 'utf8');
      if (text.length > LONGEST) throw new AcmeError('state', `${join(this.folder, name)} is too long`);
      return text;
    } catch (error) {
      if (error instanceof AcmeError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      if (code === undefined) throw error;
      throw new AcmeError('state', `the state cannot be read: ${message}`);
    }
  }

  async write(name: string, text: string): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeDurable(join(this.folder, name), text, 0o600);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new AcmeError('state', `the state cannot be written: ${message}`);
    }
  }
}

/**
 * The folder's name of a certificate with these names: the first one in alphabetical order, so that it is the same for
 * the names that were asked for and those that a certificate has, with no character that a file system minds. At least
 * one name.
 */
export function folderFor(names: readonly string[]): string {
  const [first = ''] = [...names].sort();
  return first.replace('*', '_wildcard').replaceAll(':', '-');
}
