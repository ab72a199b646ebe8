/** `image state`: what is on the disk of a machine, out of it, and onto it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';

const MAIN = resolve('dist', 'main.js');

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'sitekernel-image-state-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** What it says, and its exit status. */
function state(cwd: string, ...words: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [MAIN, 'image', 'state', ...words], { cwd, encoding: 'utf8' });
}

t.test('a state folder goes onto a disk, and comes out as it was', (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'state', 'acme', 'example.org'), { recursive: true });
  writeFileSync(join(cwd, 'state', 'acme', 'account.key'), 'a key');
  writeFileSync(join(cwd, 'state', 'acme', 'example.org', 'certificate.pem'), 'a chain');
  const listed = 'acme/account.key  5 bytes\nacme/example.org/certificate.pem  7 bytes\n';
  t.match(state(cwd, 'state.disk', '--from', 'state'), { stdout: listed, status: 0 });
  t.equal(statSync(join(cwd, 'state.disk')).mode & 0o777, 0o600, 'it has keys in it');
  t.match(state(cwd, 'state.disk'), { stdout: listed, status: 0 });
  t.match(state(cwd, 'state.disk', '--to', 'copy'), { stdout: listed, status: 0 });
  t.equal(readFileSync(join(cwd, 'copy', 'acme', 'account.key'), 'utf8'), 'a key');
  t.equal(statSync(join(cwd, 'copy', 'acme', 'account.key')).mode & 0o777, 0o600);
  t.end();
});

t.test('a mistake changes nothing, and has one message', (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'state'));
  writeFileSync(join(cwd, 'state', 'ipv6-secret'), 'secret');
  writeFileSync(join(cwd, 'diary'), 'dear diary');
  state(cwd, 'state.disk', '--from', 'state');
  for (const [words, status, message] of [
    [['none.disk'], 1, /none\.disk: .*no such file/i],
    [['state.disk', '--from', 'stat'], 1, /^sitekernel: stat: .*no such file/im],
    [['diary'], 1, /diary: .*name another path, or remove what lies there/],
    [['diary', '--from', 'state'], 1, /diary: .*name another path/],
    [['state.disk', '--from', 'a', '--to', 'b'], 2, /--from and --to do not go together/],
  ] as const) {
    const said = state(cwd, ...words);
    t.equal(said.status, status, said.stderr);
    t.match(said.stderr, message);
    t.equal(said.stderr.trim().split('\n').length, 1, 'one line');
  }
  t.equal(readFileSync(join(cwd, 'diary'), 'utf8'), 'dear diary');
  t.match(state(cwd, 'state.disk'), { stdout: 'ipv6-secret  6 bytes\n' });
  t.end();
});

t.test('a state that is too large is refused with both sizes', (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'state'));
  writeFileSync(join(cwd, 'state', 'much'), 'x'.repeat(4_000_000));
  t.match(state(cwd, 'state.disk', '--from', 'state'), { stderr: /the state disk is full/, status: 1 });
  t.match(state(cwd, 'state.disk'), { stdout: 'there are no files on it\n', status: 0 });
  t.equal(state(cwd).status, 2, 'no file is named');
  t.end();
});
