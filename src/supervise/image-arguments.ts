/** What an image says on the command line: the arguments that its `run` begins with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors/failure.js';
import { readManifest } from '../image/read-manifest.js';
import { programArguments } from '../image/run-script.js';

/** Throws a sentence. */
export function imageArguments(folder: string): string[] {
  const file = join(folder, 'manifest.json');
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Failure(`${folder} is not the folder of an image: ${(error as Error).message}`);
  }
  const manifest = readManifest(bytes, file);
  if (manifest.target === 'vm')
    throw new Failure(`${folder} is an image for a virtual machine; its program needs one to run in`);
  return programArguments(manifest);
}
