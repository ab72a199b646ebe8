/**
 * `images/<id>/run-qemu`: boots the image in QEMU and stays until it is over. What the guest says goes to standard
 * error, but the line that says where it serves, which goes to standard output as with every other target. SIGTERM and
 * SIGINT press the power button.
 */
import '../../native/signals-first.js';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectCode, expectSystemError } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';
import { signals } from '../../native/process-signals.js';
import type { BootFile } from '../build/boot-file.js';
import { LEAST_MEMORY } from '../guest/init.js';
import { stateDiskAt } from '../state/state-disk-file.js';
import { portOf } from './bridge-port.js';
import { Machine, type MachineOptions } from './qemu.js';

const HELP = `usage: run-qemu [options]
  --tap NAME              the TAP that the machine's card is (default: tap0); made unless it exists, which needs root
  --bridge NAME           the bridge to put the TAP on
  --ipv4 ADDRESS/SIZE     a static address instead of DHCP
  --ipv4-netmask MASK     the size of the network as a netmask
  --ipv4-gateway ADDRESS  the router
  --ipv6 ADDRESS/SIZE     a static IPv6 address; several with commas between them
  --ipv6-gateway ADDRESS  the IPv6 router
  --mac ADDRESS           of the card (default: derived from the machine's id and the TAP's name)
  --memory MB             (default: what boot.json says)
  --accel NAME            kvm, tcg (emulation) or auto (default): KVM where it boots within some seconds
  --disk FILE             boot this disk image (image build --format raw) instead
  --state-disk FILE       where certificates and keys outlive the machine; made unless it exists
  --successor PATH        make a UNIX socket where the machine after this one can take the traffic over
  --predecessor PATH      take it over there: same --ipv4 and --mac, another TAP on the same bridge
  --self-test             whether this host can boot the image; nothing is started
  --append TEXT           more of the guest's options: "port=8080 metrics"
  --drain SECONDS         time for open connections to finish at the end (default: 10)
`;

/** Seconds: what the guest gives open connections by itself, and what it gets beyond that to power off. */
const DRAIN = 10;
const PATIENCE = 60;

/** Options of ours that are options of the guest. */
const PASSED = [
  ...(['ipv4', 'ipv4-netmask', 'ipv4-gateway', 'ipv6', 'ipv6-gateway', 'hostname', 'port', 'drain'] as const),
  ...(['log', 'congestion'] as const),
] as const;

function fail(sentence: string, status = 1): never {
  process.stderr.write(`sitekernel: ${sentence}\n`);
  process.exit(status);
}

function options(argv: string[]) {
  const text = { type: 'string' as const };
  const names = [
    'tap',
    'bridge',
    'mac',
    'memory',
    'accel',
    'disk',
    'state-disk',
    'successor',
    'predecessor',
    'append',
    ...PASSED,
  ];
  const flags = { help: { type: 'boolean' as const, short: 'h' }, 'self-test': { type: 'boolean' as const } };
  try {
    return parseArgs({
      args: argv,
      options: { ...Object.fromEntries(names.map((name) => [name, text])), ...flags },
    }).values as Record<string, string | undefined> & { help?: boolean; 'self-test'?: boolean };
  } catch (error) {
    return fail(`${(error as Error).message.split('. ')[0]}; "run-qemu --help" lists what there is`, 2);
  }
}

const [folder = '.', ...argv] = process.argv.slice(2);
const given = options(argv);
if (given.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const accel = given['accel'] ?? 'auto';
if (!['auto', 'kvm', 'tcg'].includes(accel)) fail(`--accel: "${accel}" is none of kvm, tcg and auto`, 2);
const boot = JSON.parse(readFileSync(join(folder, 'boot.json'), 'utf8')) as BootFile;
const memory = given['memory'] ?? String(boot.memory);
if (!/^\d{1,6}$/.test(memory)) fail(`--memory: "${memory}" is no number of megabytes`, 2);
if (Number(memory) < LEAST_MEMORY)
  fail(`--memory ${memory}: too little to serve with; give the machine ${LEAST_MEMORY} MB or more`, 2);
if (given['disk'] !== undefined) checkDisk(given['disk']);
if (given['self-test'] === true) selfTest();
if (given['successor'] !== undefined) checkSuccessor(given['successor']);
if (given['state-disk'] !== undefined) prepareState(given['state-disk']);
const tap = given['tap'] ?? 'tap0';
prepareTap(tap, given['bridge']);

const machine: Omit<MachineOptions, 'accel'> = {
  memory: Number(memory),
  tap,
  mac: given['mac'] ?? derivedMac(tap),
  successor: given['successor'],
  predecessor: given['predecessor'],
  stateDisk: given['state-disk'],
  boot:
    given['disk'] === undefined
      ? {
          kernel: join(folder, boot.kernel),
          initramfs: join(folder, boot.initramfs),
          disks: boot.disks.map((name) => join(folder, name)),
          commandLine: commandLine(boot.commandLine),
        }
      : { disk: given['disk'] },
};

function commandLine(image: string): string {
  const passed = PASSED.filter((name) => given[name] !== undefined);
  const own = passed.map((name) => `${name}=${given[name]}`);
  // An address of the image's would keep its netmask and gateway beside another one's.
  const families = (['ipv4', 'ipv6'] as const).filter((name) => passed.includes(name));
  const kept = image
    .split(' ')
    .filter((token) => !families.some((name) => token.startsWith(name) || token === `no-${name}`));
  return [...kept, ...own, ...(given['append'] === undefined ? [] : [given['append']])].join(' ');
}

/** A disk has the options of its guest in it: GRUB hands on those and no others. */
function checkDisk(file: string): void {
  const idle = [...PASSED, 'append'].find((name) => name !== 'drain' && given[name] !== undefined);
  if (idle !== undefined) {
    fail(
      `--${idle} goes with the image, not with --disk, which boots with the options that it was built with: give them to "sitekernel image build --target vm --format raw"`,
      2,
    );
  }
  if (!existsSync(file))
    fail(`--disk ${file}: there is no such file; "sitekernel image build --target vm --format raw" makes one`);
}

/** QEMU removes what lies where it makes a socket. */
function checkSuccessor(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false)
    fail(`--successor ${path}: something that is no socket lies there; name another path, or remove it`);
}

function prepareState(file: string): void {
  try {
    stateDiskAt(file, true).close();
  } catch (error) {
    if (error instanceof UserError) fail(`--state-disk ${file}: ${error.message}`);
    throw error;
  }
}

/** A TAP on a bridge, where that is asked for; QEMU makes one that does not exist. */
function prepareTap(name: string, bridge: string | undefined): void {
  const ip = (...words: string[]) =>
    execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  try {
    if (!existsSync(`/sys/class/net/${name}`)) {
      ip('tuntap', 'add', 'dev', name, 'mode', 'tap', 'vnet_hdr');
      process.once('exit', () => {
        try {
          ip('link', 'delete', name);
        } catch {
          // Everything is meant: the process ends, and the TAP may be gone already.
        }
      });
    }
    if (bridge !== undefined) {
      ip('link', 'set', name, 'master', bridge);
      // A machine that gave its traffic away may have left it otherwise.
      ip(...portOf(name, true));
    }
    ip('link', 'set', name, 'up');
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') fail('run-qemu needs the "ip" program; install iproute2');
    fail(
      `the TAP ${name} cannot be prepared (${String(stderr).trim()}); run as root, or prepare the host once with "sudo sitekernel host up --bridge BRIDGE --tap ${name} --user USER"`,
    );
  }
}

/** The site is tested by the guest itself, before it takes the traffic. */
function selfTest(): never {
  for (const name of [boot.kernel, boot.initramfs, ...boot.disks])
    if (!existsSync(join(folder, name))) fail(`${name} is missing in the image; build it again`);
  try {
    execFileSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    expectCode(error, 'ENOENT');
    fail('there is no qemu-system-x86_64; install qemu-system-x86');
  }
  process.stdout.write('self-test passed: the image is whole, and QEMU is there\n');
  process.exit(0);
}

/** Locally administered, the same at every start, another for each TAP. */
function derivedMac(name: string): string {
  let seed = name;
  try {
    seed += readFileSync('/etc/machine-id', 'utf8').trim();
  } catch (error) {
    // The name must do.
    expectSystemError(error);
  }
  let hash = 0xcbf29ce484222325n;
  for (const char of seed) hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  const hex = hash.toString(16).padStart(16, '0').slice(0, 10);
  return `02:${hex.match(/../g)!.join(':')}`;
}

let over = false;
let current: Machine | undefined;
void signals.server().then(() => {
  over = true;
  void current?.powerDown();
  // A guest that hangs must not keep us.
  const wait = Math.min((Number(given['drain'] ?? DRAIN) + PATIENCE) * 1000, 2_147_483_647);
  setTimeout(() => current?.kill(), wait).unref();
});
signals.onReload(() =>
  process.stderr.write(
    'sitekernel: SIGHUP is ignored: the site of a machine is a disk, and another one is another machine\n',
  ),
);
// A second signal ends us at once, and the machine with us.
process.once('exit', () => current?.kill());

async function main(): Promise<number> {
  const wanted = accel === 'auto' ? (existsSync('/dev/kvm') ? ['kvm', 'tcg'] : ['tcg']) : [accel];
  for (const one of wanted) {
    const last = one === wanted.at(-1);
    current = new Machine({ ...machine, accel: one as 'kvm' | 'tcg' });
    if (!last && !(await current.comesUp())) {
      process.stderr.write(
        `sitekernel: KVM does not boot this kernel here (${current.reason}); going on with emulation, which is slower\n`,
      );
      current.kill();
      await current.exit;
      if (over) return 0;
      continue;
    }
    if (over) void current.powerDown();
    const end = await current.exit;
    if (over || end === 'stopped') return 0;
    if (current.reason !== '') process.stderr.write(`sitekernel: QEMU: ${current.reason}\n`);
    return 1;
  }
  return 1;
}

process.exit(await main());
