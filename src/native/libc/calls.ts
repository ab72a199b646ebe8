/**
 * The one table of functions that are called by their address: those of the C library and of libuv, with their C
 * signatures. Pointers are plain numbers (declared `uint64_t`; user-space addresses fit 48 bits): cheapest, and nothing
 * is allocated. The caller keeps what a pointer points to reachable (`pinned` in `slab.ts`). Each function returns what
 * C's does: -1 on failure, with the reason in `errno()`.
 */
import { koffi } from './koffi.js';

/** C's declarations; each function is looked up in the process itself when it is first asked for. */
const SIGNATURES = {
  // Files
  open: 'int open(const char *path, int flags, int mode)',
  close: 'int close(int fd)',
  read: 'int64_t read(int fd, uint64_t buffer, uint64_t count)',
  write: 'int64_t write(int fd, uint64_t buffer, uint64_t count)',
  writev: 'int64_t writev(int fd, uint64_t vectors, int count)',
  sendfile: 'int64_t sendfile(int to, int from, uint64_t offset, uint64_t count)',
  fcntl: 'int fcntl(int fd, int command, int64_t argument)',
  ioctl: 'int ioctl(int fd, uint64_t request, uint64_t argument)',
  flock: 'int flock(int fd, int operation)',
  dup2: 'int dup2(int from, int to)',
  poll: 'int poll(uint64_t descriptors, uint64_t count, int timeout)',
  epoll_create1: 'int epoll_create1(int flags)',
  epoll_ctl: 'int epoll_ctl(int epoll, int operation, int fd, uint64_t event)',
  epoll_wait: 'int epoll_wait(int epoll, uint64_t events, int count, int timeout)',
  // Sockets
  socket: 'int socket(int domain, int type, int protocol)',
  socketpair: 'int socketpair(int domain, int type, int protocol, uint64_t descriptors)',
  bind: 'int bind(int fd, uint64_t address, uint32_t length)',
  connect: 'int connect(int fd, uint64_t address, uint32_t length)',
  listen: 'int listen(int fd, int backlog)',
  accept4: 'int accept4(int fd, uint64_t address, uint64_t length, int flags)',
  send: 'int64_t send(int fd, uint64_t buffer, uint64_t length, int flags)',
  sendmsg: 'int64_t sendmsg(int fd, uint64_t message, int flags)',
  recvmsg: 'int64_t recvmsg(int fd, uint64_t message, int flags)',
  sendmmsg: 'int sendmmsg(int fd, uint64_t messages, uint32_t count, int flags)',
  recvmmsg: 'int recvmmsg(int fd, uint64_t messages, uint32_t count, int flags, uint64_t timeout)',
  shutdown: 'int shutdown(int fd, int how)',
  setsockopt: 'int setsockopt(int fd, int level, int name, uint64_t value, uint32_t length)',
  getsockopt: 'int getsockopt(int fd, int level, int name, uint64_t value, uint64_t length)',
  getsockname: 'int getsockname(int fd, uint64_t address, uint64_t length)',
  getpeername: 'int getpeername(int fd, uint64_t address, uint64_t length)',
  inet_pton: 'int inet_pton(int family, const char *text, uint64_t address)',
  inet_ntop: 'uint64_t inet_ntop(int family, uint64_t address, uint64_t text, uint32_t size)',
  if_nametoindex: 'uint32_t if_nametoindex(const char *name)',
  // Memory
  mmap: 'uint64_t mmap(uint64_t address, uint64_t length, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(uint64_t address, uint64_t length)',
  mremap: 'uint64_t mremap(uint64_t from, uint64_t length, uint64_t newLength, int flags, uint64_t to)',
  memcpy: 'uint64_t memcpy(uint64_t to, uint64_t from, uint64_t length)',
  memfd_create: 'int memfd_create(const char *name, uint32_t flags)',
  // The process
  prctl: 'int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)',
  _exit: 'int _exit(int status)',
  dlsym: 'uint64_t dlsym(uint64_t library, const char *name)',
  // libuv, whose functions Node exports for its native modules
  uv_default_loop: 'uint64_t uv_default_loop()',
  uv_backend_fd: 'int uv_backend_fd(uint64_t loop)',
  uv_handle_get_type: 'int uv_handle_get_type(uint64_t handle)',
  uv_handle_size: 'uint64_t uv_handle_size(int type)',
  uv_is_active: 'int uv_is_active(uint64_t handle)',
  uv_timer_get_due_in: 'uint64_t uv_timer_get_due_in(uint64_t handle)',
  uv_idle_init: 'int uv_idle_init(uint64_t loop, uint64_t handle)',
  uv_idle_start: 'int uv_idle_start(uint64_t handle, uint64_t callback)',
  uv_idle_stop: 'int uv_idle_stop(uint64_t handle)',
} as const;

export type CallName = keyof typeof SIGNATURES;

/** The parameters of a C declaration: a `const char *` is a string, all else a number. */
type Parameters<Text extends string> = Text extends ''
  ? []
  : Text extends `${infer One}, ${infer Rest}`
    ? [Parameter<One>, ...Parameters<Rest>]
    : [Parameter<Text>];
type Parameter<Text extends string> = Text extends `const char *${string}` ? string : number;
type Signature<Text extends string> = Text extends `${string}(${infer Inside})`
  ? (...values: Parameters<Inside>) => number
  : never;

/** Functions of the table, by their names. */
export type Calls<Name extends CallName = CallName> = {
  readonly [Each in Name]: Signature<(typeof SIGNATURES)[Each]>;
};

const taken = new Map<CallName, unknown>();

/** These functions. Throws where koffi does not load, or one of them is not in this process. */
export function calls<Name extends CallName>(...names: readonly Name[]): Calls<Name> {
  // The process's own symbols: Node is linked against libc, whichever one it is (glibc, musl).
  const library = koffi().load(null);
  const found: Partial<Record<Name, unknown>> = {};
  for (const name of names) {
    if (!taken.has(name)) taken.set(name, library.func(SIGNATURES[name]));
    found[name] = taken.get(name);
  }
  return found as Calls<Name>;
}

/** The reason why the last call on this thread failed; positive. */
export function errno(): number {
  return koffi().errno();
}

/** Handles of this thread's libuv loop: the address of the first one of `type`; 0: there is none. Throws as `calls`. */
export function firstHandle(type: number): number {
  const ffi = koffi();
  const { uv_default_loop, uv_handle_get_type } = calls('uv_default_loop', 'uv_handle_get_type');
  visitor ??= ffi.pointer(ffi.proto('void sitekernel_visit(uint64_t handle, uint64_t argument)'));
  const walk = ffi.load(null).func('uv_walk', 'void', ['uint64_t', visitor, 'uint64_t']);
  let found = 0;
  const visit = (handle: number): void => {
    if (found === 0 && uv_handle_get_type(handle) === type) found = handle;
  };
  walk(uv_default_loop(), visit, 0);
  return found;
}

let visitor: ReturnType<ReturnType<typeof koffi>['pointer']> | undefined;
