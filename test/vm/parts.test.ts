import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { cpio } from '../../src/vm/build/cpio.js';
import { keepEnglishOnly } from '../../src/vm/build/icu.js';
import { withoutSymbols } from '../../src/vm/machine/elf.js';
import { LAST, Program } from '../../src/vm/machine/machine-code.js';

const skip = process.platform === 'linux' && process.arch === 'x64' ? false : 'needs Linux on x86-64';

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-vm-parts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function runnable(folder: string, name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  chmodSync(file, 0o755);
  return file;
}

t.test('a list of system calls is a program that Linux runs', { skip }, (t) => {
  const folder = scratch(t);
  const O_CREATE_WRITE = 0o101;
  const write = 1;
  const open = 2;
  const fork = 57;
  const execve = 59;
  const exit = 60;
  const wait4 = 61;
  const p = new Program();
  p.call(open, '/nowhere', 0, 0).ifFailed('as it should').say('not reached').call(exit, 1);
  p.label('as it should')
    .call(open, join(folder, 'made'), O_CREATE_WRITE, 0o600)
    .call(write, LAST, 'through the last answer\n', 24);
  p.call(fork).ifZero('child');
  p.call(wait4, -1, { place: 'status' }, 0, 0).loadByte('status', 1).ifByte(7, 'seven').call(exit, 1);
  p.label('seven').say('the child ended with 7').call(exit, 3);
  p.label('child').call(
    execve,
    '/bin/sh',
    { texts: ['/bin/sh', '-c', 'echo "$1 $GREETING"; exit 7', 'sh', 'hello'] },
    { texts: ['GREETING=there'] },
  );
  p.call(exit, 1);
  const { status, stdout, stderr } = spawnSync(runnable(folder, 'program', p.link()), { encoding: 'utf8' });
  t.equal(status, 3, stderr);
  t.equal(stdout, 'hello there\n');
  t.equal(readFileSync(join(folder, 'made'), 'utf8'), 'through the last answer\n');
  t.equal(stderr, 'the child ended with 7\n');
  t.same(p.link(), p.link(), 'the same bytes again');
  t.end();
});

t.test('Node without symbols and with English only still starts, and knows English', { skip }, (t) => {
  const folder = scratch(t);
  const bytes = withoutSymbols(readFileSync(process.execPath));
  const blanked = keepEnglishOnly(bytes);
  const node = runnable(folder, 'node', bytes);
  const script =
    'console.log(new Date(0).toLocaleDateString("en-US", { timeZone: "UTC" }), new URL("http://b\\u00fccher.example/").host, "\\u00e9".normalize("NFD").length, process.binding === undefined)';
  t.equal(execFileSync(node, ['-e', script], { encoding: 'utf8' }), '1/1/1970 xn--bcher-kva.example 2 false\n');
  t.comment(`${blanked} bytes blanked`);
  t.end();
});

t.test(
  'a cpio archive unpacks to what went in',
  { skip: spawnSync('cpio', ['--version']).error ? 'needs cpio' : false },
  (t) => {
    const folder = scratch(t);
    const archive = cpio([
      { path: 'm' },
      { path: 'm/a', content: Buffer.from('abc') },
      { path: 'init', content: Buffer.from('#!'), executable: true },
    ]);
    execFileSync('cpio', ['-idm', '--quiet'], { cwd: folder, input: archive });
    t.equal(readFileSync(join(folder, 'm/a'), 'utf8'), 'abc');
    t.equal(readFileSync(join(folder, 'init'), 'utf8'), '#!');
    t.end();
  },
);
