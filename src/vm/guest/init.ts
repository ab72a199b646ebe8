/**
 * `/init` of the guest: loads the drivers, mounts the runtime, starts Node, and ends the machine as Node ended.
 *
 * It stays as process 1, so that every end of Node (out of memory, a signal) is reported on the console and handled:
 * status 0 and 2 (bad usage) power off, anything else starts the machine again. How often in a row is counted in a byte
 * of the clock's CMOS memory, which a warm reset leaves alone; the guest sets it to zero when it has served for a
 * while.
 *
 * Before Node starts, doors are closed that no right opens again: no more modules, and no access to the kernel's own
 * memory and the machine's ports (lockdown). The two ports of the clock stay open to what was started before, by
 * inheritance (ioperm(2)).
 */
import { LAST, Program } from '../machine/machine-code.js';
import { GUEST_USER } from './user.js';

/** Bytes of CMOS beyond those that firmware uses; the upper half of its value tells that it is ours. */
export const CRASHES_AT = 0x7e;
export const NO_CRASHES = 0xa0;
/** Instead of a count: the machine has given its traffic to another one, and must not serve beside it. */
export const GIVEN = 0xb0;
/** Crashes in a row after which the machine stays off. */
export const MOST_CRASHES = 5;
/** Megabytes of a machine with which it still serves. */
export const LEAST_MEMORY = 96;
/** Bytes that the kernel has left of this: 61 MB, and less where firmware keeps some memory for itself. */
const LEAST_LEFT = 56 * 2 ** 20;
/** Printed when the server ended as requested, or when nothing was left for it to do. */
export const IN_ORDER = 'sitekernel: the server has ended in order; the machine powers off';
/** Said when it ended otherwise, after what it said itself. */
export const ENDED = 'sitekernel: the server ended; the machine starts again';
/** The first word. */
export const IS_UP = 'sitekernel: the kernel is up';
/** Where the runtime is mounted before it becomes the root. */
export const RUNTIME = '/runtime';

const write = 1;
const open = 2;
const close = 3;
const fork = 57;
const execve = 59;
const exit = 60;
const wait4 = 61;
const chdir = 80;
const sysinfo = 99;
const chroot = 161;
const mount = 165;
const umount = 166;
const reboot = 169;
const ioperm = 173;
const finitModule = 313;
const nanosleep = 35;
/** `totalram` in struct sysinfo, and its size. */
const TOTAL_RAM = 32;
const SYSINFO = 112;
const O_RDONLY = 0;
const O_WRONLY = 1;
// linux/mount.h
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_MOVE = 8192;
const NOTHING_TO_RUN = MS_NOSUID | MS_NODEV | MS_NOEXEC;
const POWER_OFF = 0x4321fedc;
const RESTART = 0x01234567;

/**
 * `modules`: paths in the initramfs, in the order to load them. `disks`: where the runtime may be. `crashes`: how many
 * in a row, 15 at most.
 */
export function initProgram(
  modules: readonly string[],
  disks: readonly string[],
  argv: readonly string[],
  env: readonly string[],
  crashes = MOST_CRASHES,
): Uint8Array {
  const p = new Program();
  p.say(IS_UP);
  countCrash(p, crashes);
  p.call(sysinfo, { place: 'memory', size: SYSINFO }).ifBelow('memory', TOTAL_RAM, LEAST_LEFT, 'too small');
  p.call(mount, 'dev', '/dev', 'devtmpfs', 0, 0);
  for (const path of modules) {
    // One that does not load is missed by what needs it, which says so.
    p.call(open, path, O_RDONLY, 0).call(finitModule, LAST, '', 0).call(close, 3);
  }
  for (const disk of disks) {
    p.call(mount, disk, RUNTIME, 'squashfs', MS_RDONLY | MS_NOSUID | MS_NODEV, 0)
      .ifFailed(`not ${disk}`)
      .jump('mounted')
      .label(`not ${disk}`);
  }
  p.say(
    'sitekernel: there is no disk with the runtime; start the machine with runtime.squashfs as its first virtio disk (run-qemu does)',
  ).jump('off');
  p.label('too small');
  p.say(
    `sitekernel: this machine has too little memory; give it ${LEAST_MEMORY} MB or more (run-qemu --memory ${LEAST_MEMORY}); it stays off`,
  ).jump('done');
  p.label('mounted');
  p.call(mount, 'dev', `${RUNTIME}/dev`, 'devtmpfs', MS_NOSUID | MS_NOEXEC, 0);
  p.call(mount, 'proc', `${RUNTIME}/proc`, 'proc', NOTHING_TO_RUN, 0);
  p.call(mount, 'sys', `${RUNTIME}/sys`, 'sysfs', NOTHING_TO_RUN | MS_RDONLY, 0);
  p.call(
    mount,
    'tmp',
    `${RUNTIME}/tmp`,
    'tmpfs',
    NOTHING_TO_RUN,
    `size=4m,mode=0700,uid=${GUEST_USER},gid=${GUEST_USER}`,
  );
  // Over the initramfs, which can be written to: from here on there is no way to it.
  p.call(chdir, RUNTIME).call(mount, '.', '/', 0, MS_MOVE, 0).call(chroot, '.').call(chdir, '/');
  closeDoors(p);
  p.call(fork).ifZero('child').label('wait');
  p.call(wait4, -1, { place: 'status' }, 0, 0).ifFailed('wait');
  // The low byte: the signal that ended it, 0: none. The byte above: its exit status.
  p.loadByte('status', 0).ifByte(0, 'exited').ifByte(9, 'killed');
  p.say('sitekernel: the server was ended by a signal; the machine starts again').jump('restart');
  p.label('killed');
  p.say(
    'sitekernel: the memory of this machine is too small, the kernel ended the server; give it more (run-qemu --memory 256); the machine starts again',
  ).jump('restart');
  p.label('exited').loadByte('status', 1).ifByte(0, 'in order').ifByte(2, 'done');
  p.say(ENDED).jump('restart');
  p.label('in order').say(IN_ORDER);
  p.label('done');
  setCrashes(p, NO_CRASHES);
  p.label('off').call(reboot, 0xfee1dead, 672274793, POWER_OFF, 0).jump('stuck');
  // A moment, so that a machine that crashes at once does not do so a hundred times a minute.
  p.label('restart').call(nanosleep, { seconds: 2 }, 0);
  p.call(reboot, 0xfee1dead, 672274793, RESTART, 0);
  p.label('stuck').call(nanosleep, { seconds: 2 }, 0).jump('stuck');
  p.label('child').call(execve, argv[0]!, { texts: argv }, { texts: env });
  p.say(`sitekernel: ${argv[0]} cannot be started; build the image again`).call(exit, 2);
  return p.link();
}

/** A kernel without the one or the other has no such file, and goes on without. */
function closeDoors(p: Program): void {
  const put = (path: string, text: string, or: string): void => {
    p.call(open, path, O_WRONLY, 0).ifFailed(or).call(write, LAST, text, text.length).call(close, 3).label(or);
  };
  put('/proc/sys/kernel/modules_disabled', '1', 'no modules');
  p.call(mount, 'security', '/sys/kernel/security', 'securityfs', NOTHING_TO_RUN, 0);
  put('/sys/kernel/security/lockdown', 'confidentiality', 'no lockdown');
  p.call(umount, '/sys/kernel/security', 0);
}

function setCrashes(p: Program, value: number): void {
  p.portOut(0x70, CRASHES_AT).portOut(0x71, value);
}

/** Counts this start as a crash until it is known better, and stays off after too many. */
function countCrash(p: Program, most: number): void {
  p.call(ioperm, 0x70, 2, 1).ifFailed('counted');
  p.portOut(0x70, CRASHES_AT).portIn(0x71);
  for (let crashes = 0; crashes < most; crashes++) p.ifByte(NO_CRASHES | crashes, `crashed ${crashes}`);
  p.ifByte(NO_CRASHES | most, 'too many').ifByte(GIVEN, 'given');
  // Not ours: the first start of this machine.
  p.jump('crashed 0');
  p.label('too many');
  setCrashes(p, NO_CRASHES);
  p.say(`sitekernel: the server ended ${most} times in a row, the reasons are above; the machine stays off`).jump(
    'off',
  );
  p.label('given').say('sitekernel: another machine serves in the place of this one, which stays off').jump('off');
  for (let crashes = 0; crashes < most; crashes++) {
    p.label(`crashed ${crashes}`);
    setCrashes(p, NO_CRASHES | (crashes + 1));
    p.jump('counted');
  }
  p.label('counted');
}
