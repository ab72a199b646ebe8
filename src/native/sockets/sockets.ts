/**
 * Linux's calls for sockets and epoll, and their numbers.
 */
import { UserError } from '../../errors/user-error.js';
import { type Calls, calls, errno } from '../libc/calls.js';

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

const NAMES = [
  ...(['close', 'read', 'socket', 'bind', 'listen', 'accept4', 'send', 'sendmsg', 'recvmmsg', 'sendmmsg'] as const),
  ...(['sendfile', 'shutdown', 'setsockopt', 'getsockopt', 'getsockname', 'getpeername', 'inet_pton'] as const),
  ...(['inet_ntop', 'if_nametoindex', 'open', 'epoll_ctl', 'epoll_wait'] as const),
] as const;

export interface SocketCalls extends Calls<(typeof NAMES)[number]> {
  errno(): number;
  /** A new descriptor of epoll. */
  epoll(): number;
}

let loaded: SocketCalls | undefined;

/** Throws an error where they cannot be had. */
export function socketCalls(): SocketCalls {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux') throw new UserError('these calls are those of Linux');
  const { epoll_create1 } = calls('epoll_create1');
  loaded = { ...calls(...NAMES), errno, epoll: () => epoll_create1(EPOLL_CLOEXEC) };
  return loaded;
}
