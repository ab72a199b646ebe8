/** What process 1 of a machine does when its server ends, on a machine that has nothing but such a server. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { cpio } from '../../src/vm/build/cpio.js';
import { debianKernel } from '../../src/vm/build/kernel.js';
import { cmosPrograms } from '../../src/vm/guest/cmos.js';
import { initProgram, MOST_CRASHES } from '../../src/vm/guest/init.js';
import { LAST, Program } from '../../src/vm/machine/machine-code.js';
import { skipWithout } from '../wire/needs.js';

const exit = 60;
const skip = skipWithout('qemu-system-x86_64', 'mksquashfs');
/** Milliseconds, for all its starts: emulation on a busy machine takes its time. */
const LONGEST = 400_000;

/** Runs a machine whose server is `server`, until it is off or was started `starts` times. Answers its console. */
function run(t: Test, server: Uint8Array, crashes: number, starts = 9): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-vm-restarts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, 'root');
  for (const name of ['dev', 'proc', 'sys', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'server'), server);
  chmodSync(join(root, 'server'), 0o755);
  for (const { path, content } of cmosPrograms()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode: 0o755 });
  }
  const disk = join(folder, 'disk');
  execFileSync('mksquashfs', [root, disk, '-quiet', '-no-progress', '-all-root'], { stdio: 'ignore' });
  const { vmlinuz, modules } = debianKernel();
  const needed = modules.filter(({ name }) => !/net|console|evdev|button/.test(name));
  const init = initProgram(
    needed.map(({ name }) => `/m/${name}.ko`),
    ['/dev/vda'],
    ['/server'],
    [],
    crashes,
  );
  const files = needed.map(({ name, content }) => ({ path: `m/${name}.ko`, content }));
  const initramfs = join(folder, 'initramfs');
  const entries = [{ path: 'm' }, { path: 'runtime' }, { path: 'dev' }, ...files];
  writeFileSync(initramfs, cpio([...entries, { path: 'init', content: init, executable: true }]));
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'pc,usb=off', '-accel', 'tcg', '-m', '96M'];
  args.push('-serial', 'stdio', '-kernel', vmlinuz, '-initrd', initramfs);
  args.push('-append', 'console=ttyS0 quiet loglevel=3 rdinit=/init panic=2 no_timer_check');
  args.push('-drive', `if=none,id=d0,format=raw,readonly=on,file=${disk}`, '-device', 'virtio-blk-pci,drive=d0');
  const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  machine.stdout.setEncoding('latin1').on('data', (text: string) => {
    said += text.replaceAll('\r', '');
    if (count(said, 'the kernel is up') === starts) machine.kill('SIGTERM');
  });
  const timer = setTimeout(() => machine.kill('SIGKILL'), LONGEST);
  return new Promise((resolve) => {
    machine.on('close', (status) => {
      clearTimeout(timer);
      t.equal(status, 0, 'it went off by itself');
      resolve(said);
    });
  });
}

/** Takes memory, a MiB after the other and all of it written to, until the kernel has no more. */
function greedy(): Uint8Array {
  const mmap = 9;
  const READ_WRITE = 3;
  const PRIVATE_ANONYMOUS_POPULATE = 0x8022;
  const p = new Program().say('one more MiB, and one more').label('more');
  return p
    .call(mmap, 0, 2 ** 20, READ_WRITE, PRIVATE_ANONYMOUS_POPULATE, -1, 0)
    .jump('more')
    .link();
}

/** Ends with 1, after what the guest does when it has served for a minute: an order to the keeper, and its answer. */
function healthy(): Uint8Array {
  const read = 0;
  const write = 1;
  const dup2 = 33;
  const socketpair = 53;
  const fork = 57;
  const execve = 59;
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  // The console is at 0 to 2, so the pair is 3 and 4.
  const [ours, theirs] = [3, 4];
  const p = new Program().call(socketpair, AF_UNIX, SOCK_STREAM, 0, { place: 'pair' }).call(fork).ifZero('child');
  p.call(write, ours, 'h', 1).call(read, ours, { place: 'answer' }, 1).loadByte('answer', 0);
  p.ifByte('h'.charCodeAt(0), 'forgotten').say('it is not forgotten').call(exit, 2);
  p.label('forgotten').say('it has served for a while').call(exit, 1);
  p.label('child').call(dup2, theirs, 0).call(dup2, theirs, 1);
  p.call(execve, '/remember/keeper', { texts: ['/remember/keeper'] }, { texts: [] });
  return p.call(exit, 1).link();
}

const count = (text: string, words: string): number => text.split(words).length - 1;

t.test('a server that crashes is started again, and stays off after too many times in a row', { skip }, async (t) => {
  t.equal(MOST_CRASHES, 5);
  const said = await run(t, greedy(), 2);
  t.equal(count(said, 'one more MiB'), 2, said);
  t.equal(
    count(said, 'sitekernel: the memory of this machine is too small, the kernel ended the server; give it more'),
    2,
    'the kernel ends it when no memory is left',
  );
  t.equal(count(said, 'the kernel is up'), 3, 'the third start only says that it was too often');
  t.match(said, /sitekernel: the server ended 2 times in a row, the reasons are above; the machine stays off/);
});

/** Tries what no server needs, as root with every capability, and ends with 2. */
function burglar(): Uint8Array {
  const openat = 2;
  const iopl = 172;
  const ioperm = 173;
  const initModule = 175;
  const mount = 165;
  const execve = 59;
  const fork = 57;
  const wait4 = 61;
  const write = 1;
  const close = 3;
  const mkdir = 83;
  const O_CREATE_WRITE = 0o101;
  const MS_REMOUNT = 32;
  const p = new Program();
  const attempts: [string, (p: Program) => Program][] = [
    ['a module', (p) => p.call(initModule, 'module', 6, '')],
    ['modules again', (p) => p.call(openat, '/proc/sys/kernel/modules_disabled', 1, 0).call(write, LAST, '0', 1)],
    ['another port', (p) => p.call(ioperm, 0x60, 1, 1)],
    ['every port', (p) => p.call(iopl, 3)],
    ['memory', (p) => p.call(openat, '/dev/mem', 2, 0)],
    ['a file in the root', (p) => p.call(openat, '/file', O_CREATE_WRITE, 0o755)],
    ['a folder in /sys', (p) => p.call(mkdir, '/sys/folder', 0o755)],
    ['a root that can be written to', (p) => p.call(mount, 0, '/', 0, MS_REMOUNT, 0)],
  ];
  for (const [what, attempt] of attempts) {
    const [label, next] = [`refused ${what}`, `after ${what}`];
    attempt(p).ifFailed(label).say(`${what} was had`).jump(next).label(label).say(`refused: ${what}`).label(next);
  }
  p.call(openat, '/tmp/program', O_CREATE_WRITE, 0o755).call(write, LAST, '#!/server\n', 10).call(close, 3);
  p.call(fork).ifZero('child').call(wait4, -1, { place: 'status' }, 0, 0);
  p.loadByte('status', 1).ifByte(13, 'not run').say('a program of its own was had').call(exit, 2);
  p.label('not run').say('refused: a program of its own').call(exit, 2);
  p.label('child')
    .call(execve, '/tmp/program', { texts: ['/tmp/program'] }, { texts: [] })
    .call(exit, 13);
  return p.link();
}

t.test('a mistake of whoever booted it is no crash; no door is open to the server', { skip }, async (t) => {
  const said = await run(t, burglar(), 2);
  t.equal(count(said, 'the kernel is up'), 1);
  t.equal(count(said, 'refused: '), 9, said);
  t.equal(count(said, ' was had'), 0, said);
});

t.test('crashes after a minute of service each are not in a row', { skip }, async (t) => {
  const said = await run(t, healthy(), 1, 3);
  t.equal(count(said, 'it has served for a while'), 2, said);
  t.equal(count(said, 'the kernel is up'), 3, 'started again and again');
  t.notMatch(said, /in a row/);
});
