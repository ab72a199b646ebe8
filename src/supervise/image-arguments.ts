/** What an image says on the command line, and its host. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';
import { readManifest } from '../image/read-manifest.js';
import { joinedArguments } from '../image/run-script.js';

/** The arguments of the image in `folder` and of its host together. Throws a `UserError`. */
export function imageArguments(folder: string, host: readonly string[]): string[] {
  const file = join(folder, 'manifest.json');
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`${folder} is not the folder of an image: ${errorText(error)}`);
  }
  const manifest = readManifest(bytes, file);
  if (manifest.target === 'vm')
    throw new UserError(`${folder} is an image for a virtual machine; its program needs one to run in`);
  return joinedArguments(manifest, host, folder);
}
