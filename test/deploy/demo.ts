/**
 * `npm run demo:deploy [-- --yes]`: plays the story of a post, and prints what happens when. Debian packages that it
 * lacks are installed when somebody at the terminal says so, or with `--yes`.
 */
import { createInterface } from 'node:readline/promises';
import { installPackages, mayInstall, missingPackages } from '../run/packages.js';
import { skipWithout } from '../wire/needs.js';
import { play } from './story.js';

const NEEDED = ['git', 'jekyll', 'cron', 'curl', 'ssh-keygen'];

async function agreed(packages: readonly string[]): Promise<boolean> {
  if (process.argv.includes('--yes')) return true;
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`install ${packages.join(' ')} from Debian? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

const packages = missingPackages(NEEDED);
if (packages.length > 0 && mayInstall() && (await agreed(packages))) installPackages(NEEDED);
const missing = skipWithout(...NEEDED);
if (missing !== false) {
  console.error(`the demonstration ${missing}`);
  process.exit(1);
}
const teardowns: (() => Promise<void>)[] = [];
const owner = { teardown: (callback: () => Promise<void>) => void teardowns.push(callback) };
try {
  const story = await play(owner, ({ at, text }) => console.log(`${at.toFixed(1).padStart(6)} s  ${text}`));
  console.log('\nThe log of the host:');
  console.log((await story.deploy('log')).stdout);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  for (const teardown of teardowns) await teardown();
}
process.exit();
