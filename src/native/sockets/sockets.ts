/**
 * Linux's calls for sockets and epoll, through koffi. Each answers what C's does: -1 and `errno()` on failure. Pointers
 * are plain numbers, as in `libc.ts`; what they point to is `pinned`, or held by the caller during the call.
 */
import { koffi } from '../libc/libc.js';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_RCVBUF = 8;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const TCP_NODELAY = 1;
export const TCP_INFO = 11;
export const TCP_NOTSENT_LOWAT = 25;
export const SHUT_WR = 1;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x80000000;
const EPOLL_CLOEXEC = 0o2000000;

/** Bytes of a `struct epoll_event`, and where its data begins: packed on x86, aligned elsewhere. */
export const EVENT_SIZE = process.arch === 'x64' || process.arch === 'ia32' ? 12 : 16;
export const EVENT_DATA = EVENT_SIZE - 8;

/** Bytes that hold any address of a socket. */
export const ADDRESS_SIZE = 28;
/** Bytes of a `struct msghdr` on 64 bits, and where its parts lie. */
export const MSGHDR = { size: 56, iov: 16, iovlen: 24 } as const;

/** Bytes of a `struct mmsghdr` on 64 bits, and where the parts of its `msghdr` and its length lie. */
export const MESSAGE_VECTOR = {
  ...{ size: 64, name: 0, nameLength: 8, iov: 16, iovLength: 24 },
  ...{ control: 32, controlLength: 40, flags: 48, length: 56 },
} as const;

/** Bytes of the part of a `struct tcp_info` that is read, and where its `tcpi_min_rtt` lies. */
export const TCP_INFO_PART = { size: 152, minRtt: 148 } as const;

export interface SocketCalls {
  errno(): number;
  close(fd: number): number;
  read(fd: number, address: number, length: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, length: number, flags: number): number;
  send(fd: number, address: number, length: number, flags: number): number;
  sendmsg(fd: number, message: number, flags: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  sendfile(fd: number, file: number, offset: number, count: number): number;
  shutdown(fd: number, how: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  getpeername(fd: number, address: number, length: number): number;
  inet_pton(family: number, text: string, address: number): number;
  inet_ntop(family: number, address: number, text: number, size: number): number;
  if_nametoindex(name: string): number;
  open(path: string, flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: number): number;
  epoll_wait(epoll: number, events: number, count: number, timeout: number): number;
  /** A new descriptor. */
  epoll(): number;
}

let loaded: SocketCalls | undefined;

/** Throws a sentence where they cannot be had. */
export function socketCalls(): SocketCalls {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux') throw new Error('these calls are those of Linux');
  const ffi = koffi();
  const library = ffi.load(null);
  const take = (declaration: string) => library.func(declaration) as (...values: unknown[]) => number;
  const create = take('int epoll_create1(int flags)');
  loaded = {
    errno: () => ffi.errno(),
    close: take('int close(int fd)'),
    read: take('int64_t read(int fd, uint64_t buf, uint64_t count)'),
    socket: take('int socket(int domain, int type, int protocol)'),
    bind: take('int bind(int fd, uint64_t address, uint32_t length)'),
    listen: take('int listen(int fd, int backlog)'),
    accept4: take('int accept4(int fd, uint64_t address, uint64_t length, int flags)'),
    send: take('int64_t send(int fd, uint64_t buf, uint64_t length, int flags)'),
    sendmsg: take('int64_t sendmsg(int fd, uint64_t message, int flags)'),
    recvmmsg: take('int recvmmsg(int fd, uint64_t messages, uint32_t count, int flags, uint64_t timeout)'),
    sendmmsg: take('int sendmmsg(int fd, uint64_t messages, uint32_t count, int flags)'),
    sendfile: take('int64_t sendfile64(int fd, int file, uint64_t offset, uint64_t count)'),
    shutdown: take('int shutdown(int fd, int how)'),
    setsockopt: take('int setsockopt(int fd, int level, int name, uint64_t value, uint32_t length)'),
    getsockopt: take('int getsockopt(int fd, int level, int name, uint64_t value, uint64_t length)'),
    getsockname: take('int getsockname(int fd, uint64_t address, uint64_t length)'),
    getpeername: take('int getpeername(int fd, uint64_t address, uint64_t length)'),
    inet_pton: take('int inet_pton(int family, const char *text, uint64_t address)'),
    inet_ntop: take('uint64_t inet_ntop(int family, uint64_t address, uint64_t text, uint32_t size)'),
    if_nametoindex: take('uint32_t if_nametoindex(const char *name)'),
    open: take('int open(const char *path, int flags)'),
    epoll_ctl: take('int epoll_ctl(int epoll, int operation, int fd, uint64_t event)'),
    epoll_wait: take('int epoll_wait(int epoll, uint64_t events, int count, int timeout)'),
    epoll: () => create(EPOLL_CLOEXEC),
  };
  return loaded;
}
