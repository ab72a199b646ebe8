/** Signals of `run-qemu`, with a program in QEMU's place that does nothing but stay. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { directory } from '../store/tree.js';
import { Family } from '../supervise/family.js';

const LAUNCHER = resolve('build', 'src', 'vm', 'host', 'run-qemu.js');
const skip = (process.platform !== 'linux' && '/proc') || (process.getuid?.() !== 0 && 'ip link set needs root');

async function until(so: () => boolean, what: string): Promise<void> {
  for (let i = 0; !so(); i++) {
    if (i === 4000) throw new Error(`it never came to that: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

async function launched(t: Test) {
  const folder = directory(t);
  const boot = { kernel: 'k', initramfs: 'i', disks: [], commandLine: '', memory: 128 };
  writeFileSync(join(folder, 'boot.json'), JSON.stringify(boot));
  const qemu = join(folder, 'qemu-system-x86_64');
  writeFileSync(qemu, `#!/bin/sh\necho $$ > ${folder}/pid\nexec sleep 1000\n`);
  chmodSync(qemu, 0o755);
  const env = { ...new Family(t).env, PATH: `${folder}:${process.env['PATH']}` };
  const words = [LAUNCHER, folder, '--tap', 'lo', '--accel', 'tcg'];
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const file = join(folder, 'pid');
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), `a machine: ${errors}`);
  return { child, machine: Number(readFileSync(file, 'utf8')), errors: () => errors };
}

t.test('SIGHUP, SIGUSR1 and SIGUSR2 are ignored, with a line; SIGTERM takes the machine away', { skip }, async (t) => {
  const { child, machine, errors } = await launched(t);
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    child.kill(signal);
    await until(() => errors().includes(signal), signal);
  }
  t.ok(isAlive(machine));
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [0, null]);
  await until(() => !isAlive(machine), 'the end of the machine');
});

t.test(
  'the machine ends with its launcher, however that ends',
  { skip: skip || (!existsSync('/usr/bin/setpriv') && 'setpriv') },
  async (t) => {
    const { child, machine } = await launched(t);
    child.kill('SIGKILL');
    await until(() => !isAlive(machine), 'the end of the machine');
    t.pass('it is gone');
  },
);
