/** A bound UDP socket that is not read yet: for a port of ours, or for a program that passes it on. */
import { SystemError } from '../libc/errno.js';
import { type Pinned, pinned } from '../libc/slab.js';
import { SocketAddress } from './socket-address.js';
import {
  AF_INET,
  AF_INET6,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  socketCalls,
} from './sockets.js';

/** ipv6(7). */
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Made once: pinned memory is never given back. */
let scratch: { readonly address: SocketAddress; readonly small: Pinned } | undefined;

/**
 * Binds an address (a number, no name); `::` takes IPv4 as well. `share`: with other sockets that say so, among which
 * the kernel shares out what comes (SO_REUSEPORT). Returns the descriptor. Throws a SystemError.
 */
export function bindDatagrams(host: string, port: number, share = false): number {
  const calls = socketCalls();
  const attempt = `bind UDP ${host} port ${port}`;
  const family = host.includes(':') ? AF_INET6 : AF_INET;
  const fd = calls.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError(attempt, calls.errno());
  scratch ??= { address: new SocketAddress(calls), small: pinned(4) };
  const { address, small } = scratch;
  const set = (level: number, name: number, value: number): void => {
    new DataView(small.bytes.buffer, small.bytes.byteOffset, 4).setInt32(0, value, true);
    calls.setsockopt(fd, level, name, small.address, 4);
  };
  if (share) set(SOL_SOCKET, SO_REUSEPORT, 1);
  // As a stream socket of "::" does, and Linux by default.
  if (family === AF_INET6) set(IPPROTO_IPV6, IPV6_V6ONLY, isAnywhere(host) ? 0 : 1);
  const length = address.set(host, port);
  if (calls.bind(fd, address.at, length) < 0) {
    const errno = calls.errno();
    calls.close(fd);
    throw new SystemError(attempt, errno);
  }
  return fd;
}

/** Whether the address stands for all. */
function isAnywhere(host: string): boolean {
  return /^[0:.]+$/.test(host.split('%')[0]!);
}
