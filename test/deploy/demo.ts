/** `npm run demo:deploy`: plays the story of a post, and prints what happens when. */
import { installPackages } from '../run/packages.js';
import { skipWithout } from '../wire/needs.js';
import { play } from './story.js';

installPackages();
const missing = skipWithout('git', 'jekyll', 'cron', 'curl', 'ssh-keygen');
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
