/** Zone files for an image: checked, and built with a serial. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nameText } from '../../dns/wire/name.js';
import { serialOfRecords, writeBuilt } from '../../dns/zone/built.js';
import { UserError } from '../../errors/user-error.js';
import type { BuiltImageZone } from '../../image/zones.js';
import { NodeCrypto } from '../../serve/names/node-crypto.js';
import { readGoodZone } from '../../serve/names/zone-files.js';

/**
 * A serial of 0 in a file is derived: the time of the last commit that changed the file, in seconds since 1970, which
 * is the same on every machine; of a file that git does not have as it is, the time when it was written. Throws a
 * `UserError`.
 */
export async function zonesForImage(
  files: readonly string[],
  warn: (sentence: string) => void,
): Promise<BuiltImageZone[]> {
  const zones: BuiltImageZone[] = [];
  for (const file of files) {
    const { loaded } = readGoodZone(file, warn);
    const name = nameText(loaded.apex!);
    const twice = zones.some((one) => one.name === name);
    if (twice) throw new UserError(`two of the files are about ${name}; leave one out`);
    const serial = serialOfRecords(loaded.records)! || (await derivedSerial(file));
    const digest = (bytes: Uint8Array): Uint8Array => new NodeCrypto().digest(bytes);
    zones.push({ name, serial, bytes: writeBuilt(loaded.apex!, loaded.records, digest, serial) });
  }
  return zones;
}

async function derivedSerial(file: string): Promise<number> {
  const at = ['-C', dirname(file)];
  const name = ['--', basename(file)];
  const changed = await gitSays(...at, 'status', '--porcelain', ...name);
  const committed = changed === '' ? Number(await gitSays(...at, 'log', '-1', '--format=%ct', ...name)) : 0;
  return committed > 0 ? committed >>> 0 : Math.floor(statSync(file).mtimeMs / 1000) >>> 0;
}

/** Undefined: there is no git, or the file is in no repository. */
function gitSays(...words: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('git', words, (error, out) => resolve(error ? undefined : out.trim()));
  });
}
