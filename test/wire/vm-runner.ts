/**
 * Runs on the host of a lab: starts a machine image by the runner of deployments, replaces it by another when it is told to on
 * stdin, and stops it. `npm test` starts it; it is no test by itself. usage: vm-runner.js HOSTFOLDER IMAGE IMAGE ARGS...
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StagedImage } from '../../src/deploy/runner.js';
import { makeRunner } from '../../src/deploy/runners.js';
import type { Manifest } from '../../src/image/manifest.js';

const [hostFolder, first, second, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
const staged = (folder: string): StagedImage => ({
  id: basename(folder),
  folder,
  manifest: JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest,
});
const runner = await makeRunner('vm', { hostFolder, args, log: (sentence) => console.error(sentence) });
const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log(`started ${(await runner.start(staged(first))).image}`);
await orders.next();
console.log(`replaced by ${(await runner.replace(staged(second))).image}`);
console.log(`status ${(await runner.status())?.image}`);
await orders.next();
await runner.stop();
console.log(`stopped, status ${await runner.status()}`);
process.exit(0);
