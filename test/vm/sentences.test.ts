/** What cannot be is refused with a sentence, before a machine is made or started. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { debianKernel } from '../../src/vm/build/kernel.js';

const LAUNCHER = resolve('dist', 'image-program', 'run-qemu.js');
const BOOT = {
  commandLine: '',
  disks: ['runtime.squashfs', 'site.bundle'],
  initramfs: 'initramfs',
  kernel: 'vmlinuz',
  kernelRelease: '6.1.0',
  memory: 128,
};

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'sitekernel-vm-sentences-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  writeFileSync(join(made, 'boot.json'), JSON.stringify(BOOT));
  return made;
}

t.test('run-qemu refuses what would not boot', (t) => {
  const image = folder(t);
  for (const [words, status, sentence] of [
    [['--memory', '64'], 2, /--memory 64: too little to serve with; give the machine 96 MB or more/],
    [['--memory', 'much'], 2, /--memory: "much" is no number of megabytes/],
    [['--accel', 'xen'], 2, /--accel: "xen" is none of kvm, tcg and auto/],
    [['--tape', 'tap0'], 2, /Unknown option '--tape'; "run-qemu --help" lists what there is/],
    [
      ['--disk', 'x.raw', '--ipv4', '10.0.0.2/24'],
      2,
      /--ipv4 goes with the image, not with --disk, .*options that it was built with/,
    ],
    [['--disk', 'x.raw'], 1, /--disk x\.raw: there is no such file/],
    [['--self-test'], 1, /vmlinuz is missing in the image; build it again/],
  ] as const) {
    const done = spawnSync(process.execPath, [LAUNCHER, image, ...words], { encoding: 'utf8' });
    t.equal(done.status, status, words.join(' '));
    t.match(done.stderr, sentence);
    t.equal(done.stderr.trim().split('\n').length, 1, 'one sentence');
  }
  t.end();
});

t.test('run-qemu tests an image that is whole where there is no QEMU, and says so', (t) => {
  const image = folder(t);
  for (const name of ['vmlinuz', 'initramfs', ...BOOT.disks]) writeFileSync(join(image, name), '');
  const env = { ...process.env, PATH: '/nowhere' };
  const done = spawnSync(process.execPath, [LAUNCHER, image, '--self-test'], { encoding: 'utf8', env });
  t.equal(done.status, 1);
  t.match(done.stderr, /there is no qemu-system-x86_64; install qemu-system-x86/);
  t.end();
});

t.test('no kernel package is a sentence that says where to get one', (t) => {
  const empty = folder(t);
  t.throws(() => debianKernel(empty), /holds no kernel .*unpack linux-image-cloud-amd64's package there/);
  const { PATH } = process.env;
  t.teardown(() => {
    process.env['PATH'] = PATH;
  });
  process.env['PATH'] = empty;
  t.throws(() => debianKernel(), /there is no kernel package: .*apt-get update.*--kernel/);
  t.end();
});
