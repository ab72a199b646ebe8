/** A server as a process of its own, and its site, for tests of what the seal leaves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';

export const MAIN = resolve('build', 'src', 'main.js');

export interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  says(pattern: RegExp): Promise<string>;
}

export function start(t: Test, command: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  let said = '';
  let look: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      look();
    });
  child.on('exit', () => look());
  t.teardown(async () => {
    const exit = new Promise((done) => child.on('exit', done));
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await exit;
  });
  const says = (pattern: RegExp): Promise<string> =>
    new Promise((done, failed) => {
      look = () => {
        const found = pattern.exec(said);
        if (found !== null) done(found[1] ?? found[0]);
        else if (child.exitCode !== null) failed(new Error(`it ended: ${said}`));
      };
      look();
    });
  return { child, said: () => said, says };
}

/** A folder with one page in a folder that everybody may pass. */
export function site(t: Test, owner: number, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-later-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'site');
  mkdirSync(path);
  writeFileSync(join(path, 'index.html'), '<title>first</title>');
  chmodSync(folder, 0o755);
  chownSync(path, owner, owner);
  chmodSync(path, mode);
  return path;
}
