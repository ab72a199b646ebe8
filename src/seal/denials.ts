/**
 * System calls that were refused, by name. The kernel reports them in its audit log (audit(7), records of type
 * SECCOMP). A process that had the right at its start reads them from a socket. That socket lets only such records
 * through, and this cannot be changed.
 */
import { calls } from '../native/libc/calls.js';
import { pinned } from '../native/libc/slab.js';
import { socketPair, watch } from '../native/watch.js';
import { callsOf } from './calls.js';
import { capabilities } from './capabilities.js';
import type { Kernel } from './kernel.js';
import { base } from './lists/base.js';

/** linux/capability.h: CAP_AUDIT_READ. */
const AUDIT_READ = 1n << 37n;
const AF_NETLINK = 16;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const NETLINK_AUDIT = 9;
/** linux/audit.h: the group of those that read along, and the type of seccomp's records. */
const GROUP_READLOG = 1;
const AUDIT_SECCOMP = 1326;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_LOCK_FILTER = 44;
const READ = 16_384;
/** Milliseconds after which what was refused is looked at; the kernel keeps it until then. */
const LISTEN_AFTER = 1000;
/** Different calls that are counted by name; beyond that they are one. */
const MOST_NAMES = 64;
/** Refused by design, and no attack. The kernel reports these, too. */
const FAILING: ReadonlySet<string> = new Set(
  base(0, undefined).flatMap(({ calls, errno }) => (errno === undefined ? [] : calls)),
);

export class Denials {
  readonly counts = new Map<string, number>();
  private readonly names: ReturnType<typeof callsOf> | undefined;

  /** `tell`: of the first of each name. */
  constructor(
    private readonly kernel: Kernel,
    private readonly tell: (sentence: string) => void,
    private readonly pid = process.pid,
  ) {
    this.names = kernel.arch === undefined ? undefined : callsOf(kernel.arch);
  }

  /** Call before the seal. False: the kernel does not tell this process (CAP_AUDIT_READ is needed). */
  open(): boolean {
    if (this.kernel.arch === undefined || (capabilities(this.kernel) & AUDIT_READ) === 0n) return false;
    const c = libc();
    const fd = c.socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, NETLINK_AUDIT);
    if (fd < 0) return false;
    const address = pinned(12);
    const view = new DataView(address.bytes.buffer, address.bytes.byteOffset, 12);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, GROUP_READLOG, true);
    const good = filtered(fd) && c.bind(fd, address.address, 12) === 0;
    // What serves Node's own sockets takes milliseconds to load: it comes after the start.
    if (!good) {
      c.close(fd);
      return false;
    }
    // Its descriptors are taken now: connections may have all others by then.
    const pair = socketPair();
    setTimeout(() => this.listen(fd, pair), LISTEN_AFTER).unref();
    return true;
  }

  private listen(fd: number, pair: readonly [number, number]): void {
    const buffer = pinned(READ);
    watch(fd, buffer.bytes, (length) => this.heard(buffer.bytes.subarray(0, length)), pair)
      .resume()
      .unref();
    libc().close(fd);
  }

  /** One record or several: `struct nlmsghdr`, and text. */
  heard(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    for (const [, pid, number] of text.matchAll(/ pid=(\d+) .*? syscall=(\d+)/g)) {
      if (Number(pid) === this.pid) this.count(this.names?.name(Number(number)) ?? `call ${number}`);
    }
  }

  private count(name: string): void {
    if (FAILING.has(name)) return;
    const key = this.counts.has(name) || this.counts.size < MOST_NAMES ? name : 'others';
    const before = this.counts.get(key) ?? 0;
    this.counts.set(key, before + 1);
    if (before === 0)
      this.tell(
        `a system call that a sealed server does not make was refused: ${name}; report it, or look for an intruder`,
      );
  }
}

/** Those that a server has for its own sockets: to declare another one to koffi takes some 20 µs of the start. */
const libc = () => calls('socket', 'setsockopt', 'bind', 'close');

/** Lets records of seccomp through and nothing else that the kernel logs, for good. */
function filtered(fd: number): boolean {
  // A half word of BPF is big endian, the field is of this machine: little endian.
  const type = ((AUDIT_SECCOMP & 0xff) << 8) | (AUDIT_SECCOMP >> 8);
  const code = pinned(32);
  const view = new DataView(code.bytes.buffer, code.bytes.byteOffset, 32);
  const put = (i: number, op: number, jf: number, k: number): void => {
    view.setUint16(8 * i, op, true);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, true);
  };
  put(0, 0x28, 0, 4);
  put(1, 0x15, 1, type);
  put(2, 0x06, 0, 0xffff_ffff);
  put(3, 0x06, 0, 0);
  const program = pinned(16);
  const head = new DataView(program.bytes.buffer, program.bytes.byteOffset, 16);
  head.setUint16(0, 4, true);
  head.setBigUint64(8, BigInt(code.address), true);
  const one = pinned(4);
  one.bytes[0] = 1;
  const c = libc();
  return (
    c.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program.address, 16) === 0 &&
    c.setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, one.address, 4) === 0
  );
}
