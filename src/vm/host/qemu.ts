/** One virtual machine: a process of QEMU, its serial console, and its control channel (QMP). */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors/user-error.js';
import { IN_ORDER } from '../guest/init.js';
import { PREDECESSOR, SUCCESSOR } from './ports.js';

export interface MachineOptions {
  readonly accel: 'kvm' | 'tcg';
  /** Megabytes. */
  readonly memory: number;
  readonly tap: string;
  readonly mac: string;
  /** Where another machine may come and take the traffic over: the path of a UNIX socket to make. */
  readonly successor?: string | undefined;
  /** Of the machine whose traffic this one takes over. */
  readonly predecessor?: string | undefined;
  /** Its state disk, which it writes to. */
  readonly stateDisk?: string | undefined;
  readonly boot:
    | {
        readonly kernel: string;
        readonly initramfs: string;
        readonly disks: readonly string[];
        readonly commandLine: string;
      }
    | { readonly disk: string };
}

const QEMU = 'qemu-system-x86_64';
const NO_QEMU = `there is no ${QEMU}; install qemu-system-x86`;
/** Status of setpriv when it finds no program of that name. */
const NOT_FOUND = 127;
/** Milliseconds in which a machine under KVM says its first word; where it works, it takes less than one second. */
const FIRST_WORD = 4000;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?=]*[a-zA-Z]|c)`, 'g');
const LISTENING = /^listening on \S+$/;

export class Machine {
  /**
   * How it ended: `stopped` when it was asked to, or when the guest said that its server ended in order; else `failed`.
   */
  readonly exit: Promise<'stopped' | 'failed'>;
  /** Why it did not come up, or what QEMU complained of; empty: nothing. */
  reason = '';
  private readonly child: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), 'sitekernel-vm-'));
  private readonly spoke: Promise<boolean>;
  private line = '';
  private asked = false;
  /** The guest has said that its server ended in order. */
  private ended = false;
  private commands: Promise<unknown> = Promise.resolve();
  /** The guest has said where it serves. */
  private serving = false;
  /** Whether a guest that asks to be started again is. */
  private restarts: boolean;

  constructor(options: MachineOptions) {
    this.restarts = options.predecessor === undefined;
    const [command, ...before] = endingWithUs();
    this.child = spawn(command as string, [...before, ...qemuArguments(options, join(this.folder, 'qmp'))], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C of the terminal is ours to answer.
      detached: true,
    });
    let heard: (spoke: boolean) => void = () => undefined;
    this.spoke = new Promise((resolve) => {
      heard = resolve;
    });
    this.child.stdout!.setEncoding('latin1').on('data', (text: string) => {
      if (text.includes('sitekernel')) heard(true);
      this.console(text);
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const said = text
        .trim()
        .split('\n')
        .filter((line) => !/TCG doesn't support requested feature/.test(line));
      if (said.length > 0) this.reason = said.at(-1)!.replace(/^qemu-system-x86_64: /, '');
    });
    this.exit = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? NO_QEMU : error.message;
        heard(false);
        resolve('failed');
      });
      this.child.on('close', (code) => {
        if (code === NOT_FOUND) this.reason = NO_QEMU;
        heard(false);
        rmSync(this.folder, { recursive: true, force: true });
        resolve(code === 0 && (this.asked || this.ended) ? 'stopped' : 'failed');
      });
    });
  }

  /** Whether the kernel is up within some seconds; if not, `reason` says what was seen. */
  async comesUp(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => {
        this.reason = `no word within ${FIRST_WORD / 1000} s`;
        resolve(false);
      }, FIRST_WORD);
    });
    const spoke = await Promise.race([this.spoke, late]);
    clearTimeout(timer);
    if (!spoke && this.reason === '') this.reason = 'QEMU ended at once';
    return spoke;
  }

  private console(text: string): void {
    this.line += text.replaceAll('\r', '');
    const lines = this.line.split('\n');
    this.line = lines.pop()!;
    for (const line of lines) {
      // Firmware draws on the console with escape sequences.
      const plain = line.replace(ESCAPES, '').trim();
      if (LISTENING.test(plain)) {
        this.serving = true;
        if (this.restarts === false) {
          this.restarts = true;
          void this.command('set-action', { reboot: 'reset' }).catch(() => undefined);
        }
        process.stdout.write(`${plain}\n`);
      } else if (plain === IN_ORDER) this.ended = true;
      else if (plain !== '') process.stderr.write(`${plain}\n`);
    }
  }

  /**
   * Presses the power button: the guest drains and powers off. One that does not serve yet has nothing to drain, and
   * may not hear it.
   */
  async powerDown(): Promise<void> {
    this.asked = true;
    if (!this.serving) return this.kill();
    await this.command('system_powerdown').catch(() => this.kill());
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** One at a time: QEMU talks to one visitor, and a second one waits. */
  private command(name: string, values: object = {}): Promise<void> {
    const done = this.commands.then(() => this.ask(name, values));
    this.commands = done.catch(() => undefined);
    return done;
  }

  private ask(name: string, values: object): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(join(this.folder, 'qmp'));
      socket.unref();
      socket.setEncoding('utf8');
      const orders = [
        { execute: 'qmp_capabilities', arguments: {} },
        { execute: name, arguments: values },
      ];
      let text = '';
      // A greeting, then an answer to each; events may lie between.
      socket.on('data', (piece: string) => {
        text += piece;
        const lines = text.split('\n');
        text = lines.pop()!;
        for (const line of lines) {
          if (/"event"/.test(line)) continue;
          const order = orders.shift();
          if (order !== undefined) socket.write(`${JSON.stringify(order)}\n`);
          else {
            socket.destroy();
            resolve();
          }
        }
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new UserError('QEMU has ended')));
    });
  }
}

function qemuArguments(options: MachineOptions, qmp: string): string[] {
  const { accel, memory, tap, mac, boot } = options;
  // "pc": the microvm board does not boot Debian's kernel under emulation.
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'pc,usb=off', '-accel', accel];
  if (accel === 'kvm') args.push('-cpu', 'host');
  args.push('-m', `${memory}M`, '-smp', '1', '-serial', 'stdio', '-qmp', `unix:${qmp},server=on,wait=off`);
  args.push('-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`);
  args.push('-device', `virtio-net-pci,netdev=n0,mac=${mac},romfile=`);
  args.push(...ports(options));
  args.push(...stateDrive(options));
  if ('disk' in boot) return [...args, ...drive(boot.disk, 0)];
  args.push('-kernel', boot.kernel, '-initrd', boot.initramfs, '-append', boot.commandLine);
  return [...args, ...boot.disks.flatMap(drive)];
}

/** QEMU has no option to end with its parent in every case; setpriv(1) of util-linux asks the kernel for it. */
function endingWithUs(): readonly string[] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  return setpriv === undefined ? [QEMU] : [setpriv, '--pdeathsig', 'KILL', '--', QEMU];
}

/** Byte streams between this machine and the one before, and the one after. */
function ports({ successor, predecessor }: MachineOptions): string[] {
  if (successor === undefined && predecessor === undefined) return [];
  const args = ['-device', 'virtio-serial-pci'];
  const port = (name: string, path: string, more: string): void => {
    args.push('-chardev', `socket,id=${name},path=${path.replaceAll(',', ',,')}${more}`);
    args.push('-device', `virtserialport,chardev=${name},name=${name}`);
  };
  if (successor !== undefined) port(SUCCESSOR, successor, ',server=on,wait=off');
  if (predecessor !== undefined) {
    port(PREDECESSOR, predecessor, '');
    // One that cannot take over ends; it must not come up a second time beside the one that serves.
    args.push('-action', 'reboot=shutdown');
  }
  return args;
}

/**
 * Two machines have it open while the one gives its traffic to the other; only one of them writes at a time. A machine
 * that expects no other has it for itself alone: QEMU locks it.
 */
function stateDrive({ stateDisk, successor, predecessor }: MachineOptions): string[] {
  if (stateDisk === undefined) return [];
  const shared = successor !== undefined || predecessor !== undefined;
  const file = stateDisk.replaceAll(',', ',,');
  const drive = `if=none,id=state,format=raw,file=${file}`;
  // Behind the others, whose places the machine knows.
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=state,addr=1e${shared ? ',share-rw=on' : ''}`];
}

function drive(file: string, i: number): string[] {
  const name = file.replaceAll(',', ',,');
  const format = file.endsWith('.qcow2') ? 'qcow2' : 'raw';
  return [
    '-drive',
    `if=none,id=d${i},format=${format},readonly=on,file=${name}`,
    '-device',
    `virtio-blk-pci,drive=d${i}`,
  ];
}
