import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const DEMO = join(import.meta.dirname, 'demo.js');
const skip = process.getuid?.() !== 0 && 'needs root';

/** Runs the demonstration where git, Jekyll and curl are missing, with an apt-get that only notes its arguments. */
function demonstration(t: Test, ...words: string[]): { status: number | null; said: string; installed: string } {
  const folder = t.testdir({ 'apt-get': '#!/bin/sh\necho "$@" >>"$NOTED"\n' });
  chmodSync(join(folder, 'apt-get'), 0o755);
  const noted = join(folder, 'noted');
  const env = { PATH: folder, NOTED: noted };
  const done = spawnSync(process.execPath, [DEMO, ...words], { env, input: '', encoding: 'utf8' });
  const installed = existsSync(noted) ? readFileSync(noted, 'utf8') : '';
  return { status: done.status, said: done.stdout + done.stderr, installed };
}

t.test('the demonstration installs nothing that nobody agreed to', { skip }, async (t) => {
  const { status, said, installed } = demonstration(t);
  t.equal(status, 1);
  t.match(said, /needs git, jekyll/);
  t.equal(installed, '');
});

t.test('with --yes it installs what it needs, and nothing else', { skip }, async (t) => {
  const { status, installed } = demonstration(t, '--yes');
  t.equal(status, 1, 'this apt-get brings nothing');
  t.match(installed, /install .*\bcurl\b.*\bjekyll\b.*\bgit\b/);
  t.notMatch(installed, /chromium|qemu/);
});
