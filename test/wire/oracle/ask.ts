/** `node build/test/wire/oracle/ask.js`: prints where the two differ. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { OurStack } from './our-stack.js';
import { type Answers, runAll } from './run.js';

export function askLinux(): Answers {
  const script = fileURLToPath(new URL('ask-linux.js', import.meta.url));
  const { stdout, stderr, status } = spawnSync('unshare', ['--net', process.execPath, script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`Linux could not be asked: ${stderr}`);
  return JSON.parse(stdout) as Answers;
}

export function askOurs(): Promise<Answers> {
  return runAll(() => new OurStack());
}
