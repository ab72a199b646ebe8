/**
 * Stands in for a compromised server: loaded before the program (`--import`), it waits for SIGPWR, and then tries from
 * inside of the process what an intruder would. What became of each attempt goes to a file that was opened before. In
 * a machine image it begins by itself when the server is sealed, and says it on the console.
 */
import { execFileSync } from 'node:child_process';
import { openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import koffi from 'koffi';
import { archOf, callsOf } from '../../src/seal/calls.js';

const place = process.env['SITEKERNEL_ATTACK'];
const STANDARD_ERROR = 2;
/** Those that order certificates are no servers. */
const name = [place, process.env['SITEKERNEL_RENEWAL'], process.pid].filter((one) => one !== undefined).join('.');
const out = place === undefined ? STANDARD_ERROR : openSync(name, 'w');
/** Where the process id of the one that orders comes to lie; in a machine image there is none. */
const targets = place === undefined ? undefined : openSync(`${place}-targets`, 'a+');
const KEY = process.env['SITEKERNEL_ATTACK_KEY'] ?? '/state/acme/account.key';
const calls = callsOf(archOf(process.arch)!);
const words = Array.from({ length: 6 }, (_, i) => `int64_t a${i}`).join(', ');
const syscall = koffi.load(null).func(`int64_t syscall(int64_t number, ${words})`);
const EPERM = koffi.os.errno['EPERM'];
const PARENT = process.ppid;

/** `done`, or the name of the error. */
function raw(name: string, ...args: number[]): string {
  const answer = Number(syscall(calls.number(name), ...args, ...new Array<number>(6 - args.length).fill(0)));
  if (answer !== -1) return name === 'clone' && answer === 0 ? process.exit(0) : `done (${answer})`;
  const code = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === code)?.[0] ?? `error ${code}`;
}

function tried(attempt: () => unknown): string {
  try {
    attempt();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function later(attempt: () => Promise<unknown>): Promise<string> {
  return attempt().then(
    () => 'done',
    (error: NodeJS.ErrnoException) => error.code ?? String(error),
  );
}

const AF_INET = 2;
const SIGCHLD = 17;
const PTRACE_ATTACH = 16;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const READ_EXEC = 5;
const CLONE_NEWUSER = 0x1000_0000;

function orderer(): number {
  const bytes = Buffer.alloc(16);
  const length = targets === undefined ? 0 : readSync(targets, bytes, 0, bytes.length, 0);
  return Number.parseInt(bytes.toString('latin1', 0, length), 10) || PARENT;
}

/** In the order of the table in docs/security.md. */
async function attack(): Promise<Record<string, string>> {
  return {
    'read /etc/passwd': tried(() => readFileSync('/etc/passwd')),
    'read /etc/passwd in another thread': await later(() => readFile('/etc/passwd')),
    'write to /tmp': tried(() => writeFileSync(`/tmp/sitekernel-attack-${process.pid}`, '')),
    'list the parent’s descriptors': tried(() => readdirSync(`/proc/${PARENT}/fd`)),
    'read the parent’s environment': tried(() => readFileSync(`/proc/${PARENT}/environ`)),
    'read the account’s key': tried(() => readFileSync(KEY)),
    'read the memory of what orders': tried(() => openSync(`/proc/${orderer()}/mem`, 'r')),
    'list the descriptors of what orders': tried(() => readdirSync(`/proc/${orderer()}/fd`)),
    'open a socket': raw('socket', AF_INET, 1, 0),
    'connect to a host': await later(
      () =>
        new Promise((resolve, reject) => {
          connect({ host: '127.0.0.1', port: 9 }).on('error', reject).on('connect', resolve);
        }),
    ),
    'start a program': tried(() => execFileSync('/bin/true')),
    'execve in its own place': raw('execve', 0, 0, 0),
    fork: raw('clone', SIGCHLD, 0, 0, 0, 0),
    'ptrace the parent': raw('ptrace', PTRACE_ATTACH, PARENT, 0, 0),
    'read the parent’s memory': raw('process_vm_readv', PARENT, 0, 0, 0, 0, 0),
    'take a descriptor of the parent': raw('pidfd_open', PARENT, 0),
    'end the parent': raw('kill', PARENT, 0),
    'map executable memory': raw('mmap', 0, 4096, READ_EXEC, MAP_PRIVATE_ANONYMOUS, -1, 0),
    'load a kernel module': raw('init_module', 0, 0, 0),
    'load a program into the kernel': raw('bpf', 0, 0, 0),
    'become root': raw('setuid', 0),
    'new namespaces': raw('unshare', CLONE_NEWUSER),
    mount: raw('mount', 0, 0, 0, 0, 0),
    'change the root': raw('chroot', 0),
    'calls through io_uring': raw('io_uring_setup', 1, 0),
    'restart the machine': raw('reboot', 0, 0, 0, 0),
  };
}

async function report(): Promise<void> {
  const text = JSON.stringify({ found: await attack(), pid: process.pid, EPERM });
  // A console knows ASCII.
  writeSync(
    out,
    `${text.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`,
  );
}

process.on('SIGPWR', () => void report());
if (place === undefined) {
  const timer = setInterval(() => {
    if (!/^Seccomp:\t2$/m.test(readFileSync('/proc/self/status', 'latin1'))) return;
    clearInterval(timer);
    void report();
  }, 250);
}
