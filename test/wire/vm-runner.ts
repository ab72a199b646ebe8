/**
 * Runs on the host of a lab where a machine image is deployed: does by the runner of deployments what stdin says, a
 * line each: `replace IMAGE [SECONDS]`, the last until it must serve; or `stop`. `npm test` starts it; it is no test by
 * itself. usage: vm-runner.js HOSTFOLDER ARGS...
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeRunner } from '../../src/deploy/runners.js';
import type { Manifest } from '../../src/image/manifest.js';
import type { StagedImage } from '../../src/image/runner.js';
import { vmRunnerWithin } from '../../src/vm/host/vm-runner.js';

const [hostFolder, ...args] = process.argv.slice(2) as [string, ...string[]];
const staged = (folder: string): StagedImage => ({
  id: basename(folder),
  folder,
  manifest: JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest,
});
const options = { hostFolder, args, log: (sentence: string) => console.error(sentence) };
const runner = await makeRunner('vm', options);
for await (const line of createInterface({ input: process.stdin })) {
  const [what, image, seconds] = line.split(' ');
  if (what === 'stop') {
    await runner.stop();
    console.log('stopped');
    continue;
  }
  const one = seconds === undefined ? runner : vmRunnerWithin(Number(seconds) * 1000, options);
  const said = await one.replace(staged(image!)).then(
    (running) => `replaced by ${running.image}`,
    (error: Error) => `not replaced: ${error.message}`,
  );
  console.log(`${said}\nstatus ${(await runner.status())?.image}`);
}
process.exit(0);
