/** What every sealed server calls: memory, threads, time, and what is open already. */
import { type AddressRange, allow, fail, having, oneOf, type Rule, without } from './rules.js';

const PROT_EXEC = 4;
/** sched.h */
const CLONE_VM = 0x100;
const CLONE_THREAD = 0x1_0000;
/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1;
const PR_GET_DUMPABLE = 3;
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_GET_NO_NEW_PRIVS = 39;
const PR_SET_VMA = 0x5356_4d41;
/** asm-generic/ioctls.h, linux/sockios.h */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const SIOCOUTQ = 0x5411;
const TIOCGWINSZ = 0x5413;
const FIONREAD = 0x541b;
const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
const FIOCLEX = 0x5451;
const ENOSYS = 38;
const NULL = 0;

/**
 * `pid`: of this process. `code`: where V8 has its machine code; undefined: machine code may be made anywhere, empty:
 * nowhere (`--jitless`). `rings`: descriptors of libuv's.
 */
export function base(pid: number, code: readonly AddressRange[] | undefined, rings: readonly number[] = []): Rule[] {
  return [...memory(code), ...threads(pid), ...clocks(), ...descriptors(), ...connections(), ...ringCalls(rings)];
}

function ringCalls(rings: readonly number[]): Rule[] {
  if (rings.length === 0) return [];
  return [allow('io_uring_enter', 'libuv of Node 22 and later tells epoll what to wait for', ...oneOf(0, ...rings))];
}

function memory(code: readonly AddressRange[] | undefined): Rule[] {
  const plain = [without(2, PROT_EXEC)];
  const when = code === undefined ? [] : [plain, ...(code.length === 0 ? [] : [[{ argument: 0, within: code }]])];
  return [
    allow('mmap mprotect pkey_mprotect', "memory for the heap and buffers; machine code in V8's own region", ...when),
    allow('munmap mremap madvise brk', 'the heap grows and shrinks'),
    allow('membarrier', 'V8 makes new machine code visible to its threads'),
  ];
}

function threads(pid: number): Rule[] {
  return [
    allow('clone', 'a thread of libuv or V8; no process', [having(0, CLONE_VM | CLONE_THREAD)]),
    fail('clone3', ENOSYS, 'its flags cannot be looked at; libc takes clone instead'),
    fail('io_uring_setup', ENOSYS, 'the loop of a new thread, in Node 22 and later; libuv takes epoll alone instead'),
    allow('set_robust_list rseq sigaltstack sched_getparam sched_getscheduler', 'a thread begins'),
    allow('exit exit_group', 'a thread, or the server, ends'),
    allow('futex sched_yield sched_getaffinity', 'threads wait for one another'),
    allow('rt_sigaction rt_sigprocmask rt_sigreturn restart_syscall', 'signals that drain and reload'),
    allow('tgkill kill', 'a signal to itself: its own end, a profile', ...oneOf(0, pid)),
    allow('gettid getpid getppid', 'whether its parent is there; names of threads'),
    allow('getuid geteuid getgid getegid capget', 'Node looks before it trusts variables of the environment'),
    allow(
      'prctl',
      'names of threads and memory; the end with its parent',
      ...oneOf(0, ...[PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_SET_VMA]),
    ),
    allow('prlimit64', 'asks for a limit, and sets none', ...oneOf(2, NULL)),
    allow('getrlimit getrusage getcpu uname sysinfo times getpriority', 'numbers for pages about the server'),
  ];
}

function clocks(): Rule[] {
  return [
    allow('clock_gettime clock_getres gettimeofday time', 'clocks, where the vDSO does not answer'),
    allow('nanosleep clock_nanosleep', 'V8 waits for its threads'),
    allow('getrandom', 'keys, initial sequence numbers'),
  ];
}

function descriptors(): Rule[] {
  return [
    allow(
      'read write readv writev pread64 preadv close',
      'frames of a TAP, connections, the log, a bundle that is open',
    ),
    allow('fsync fdatasync', 'the last lines of the log, and of standard output'),
    allow('fstat lseek fadvise64', 'the size and place of what is open'),
    allow('fcntl dup dup2 dup3', 'flags and duplicates of what is open'),
    allow('pipe pipe2 eventfd2 socketpair', 'wakes a thread; watches a descriptor'),
    allow('epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll', 'waits for what is open'),
    allow(
      'ioctl',
      'the state of a terminal or socket; no other command of a device',
      ...oneOf(1, TCGETS, TCSETS, SIOCOUTQ, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX),
    ),
  ];
}

function connections(): Rule[] {
  return [
    allow('accept accept4', 'a connection on a socket that listens'),
    allow('recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg', 'what is said on open sockets'),
    allow('shutdown getsockname getpeername getsockopt setsockopt', 'options, peer and end of an open socket'),
  ];
}
