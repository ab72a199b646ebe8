/**
 * The calls of the C library that Node has no word for, through koffi: a call costs 0.1 to 0.2 µs more than in C.
 *
 * Pointers are plain numbers (declared `uint64_t`; user-space addresses fit 48 bits): cheapest, and nothing is
 * allocated. Whoever passes one keeps what it points to reachable; `pinned` in `slab.ts` is the way. Each function
 * answers what C's does: -1 and `errno()` on failure. It is loaded when first asked for.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type koffiModule from 'koffi';
import { UserError } from '../../errors/user-error.js';
import { SystemError } from './errno.js';

type Koffi = typeof koffiModule;

export interface Libc {
  errno(): number;
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  writev(fd: number, iovec: number, count: number): number;
  /** `messages` is the address of `count` `struct mmsghdr`. Answers how many were received. */
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  poll(fds: number, count: number, timeout: number): number;
  /** `argument` is an address or a value, as the request wants. */
  ioctl(fd: number, request: number, argument: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  dup2(from: number, to: number): number;
  socket(domain: number, type: number, protocol: number): number;
  /** Writes two descriptors, as two int32, to `address`. */
  socketpair(domain: number, type: number, protocol: number, address: number): number;
  /** `value` and `address` are addresses, with the bytes that lie there. */
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  bind(fd: number, address: number, length: number): number;
  if_nametoindex(name: string): number;
  /** Ends the process without any of the work that its end makes. */
  _exit(status: number): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
}

let loadedKoffi: Koffi | undefined;
let loadedLibc: Libc | undefined;

/** The foreign-function library itself. Throws a sentence where there is no build of it for this platform. */
export function koffi(): Koffi {
  if (loadedKoffi === undefined) {
    try {
      const require = createRequire(import.meta.url);
      // In an image there are no packages: the native part lies beside the program.
      const beside = new URL('./koffi.node', import.meta.url);
      loadedKoffi = require(existsSync(beside) ? fileURLToPath(beside) : 'koffi') as Koffi;
    } catch (error) {
      throw new UserError(
        `koffi, which calls the operating system, does not load on ${process.platform}/${process.arch}; reinstall with "npm ci" (${String(error)})`,
      );
    }
  }
  return loadedKoffi;
}

/** The C library of Linux. Throws a sentence elsewhere. */
export function libc(): Libc {
  loadedLibc ??= load();
  return loadedLibc;
}

function load(): Libc {
  if (process.platform !== 'linux') {
    throw new UserError(`direct mode needs Linux, and this is ${process.platform}; use --net socket here`);
  }
  const ffi = koffi();
  // The process's own symbols: Node is linked against libc, whichever one it is (glibc, musl).
  const library = ffi.load(null);
  const take = (declaration: string) => library.func(declaration) as (...values: unknown[]) => number;
  return {
    errno: () => ffi.errno(),
    open: take('int open(const char *path, int flags, int mode)'),
    close: take('int close(int fd)'),
    read: take('int read(int fd, uint64_t buf, uint64_t count)'),
    write: take('int write(int fd, uint64_t buf, uint64_t count)'),
    writev: take('int64_t writev(int fd, uint64_t iov, int iovcnt)'),
    recvmmsg: take('int recvmmsg(int fd, uint64_t messages, uint32_t count, int flags, uint64_t timeout)'),
    poll: take('int poll(uint64_t fds, uint64_t nfds, int timeout)'),
    ioctl: take('int ioctl(int fd, uint64_t request, uint64_t argument)'),
    fcntl: take('int fcntl(int fd, int command, int64_t argument)'),
    dup2: take('int dup2(int from, int to)'),
    socket: take('int socket(int domain, int type, int protocol)'),
    socketpair: take('int socketpair(int domain, int type, int protocol, uint64_t fds)'),
    setsockopt: take('int setsockopt(int fd, int level, int option, uint64_t value, uint32_t length)'),
    bind: take('int bind(int fd, uint64_t address, uint32_t length)'),
    _exit: take('int _exit(int status)'),
    prctl: take('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)'),
    if_nametoindex: take('uint32_t if_nametoindex(const char *name)'),
  };
}

/** Throws a `SystemError` that begins with `attempt` when `result` is negative; answers `result` otherwise. */
export function check(result: number, attempt: string): number {
  if (result < 0) throw new SystemError(attempt, libc().errno());
  return result;
}

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Reads and accepts on `fd` return at once when there is nothing. */
export function setNonBlocking(fd: number): void {
  const c = libc();
  const flags = check(c.fcntl(fd, F_GETFL, 0), 'ask for the flags of a descriptor');
  check(c.fcntl(fd, F_SETFL, flags | O_NONBLOCK), 'set the flags of a descriptor');
}
