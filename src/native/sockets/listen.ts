/** A listening socket that accepts nothing: for a program that passes it on. Node's would accept at once. */
import { SystemError } from '../libc/errno.js';
import { pinned } from '../libc/slab.js';
import { SocketAddress } from './socket-address.js';
import {
  AF_INET,
  AF_INET6,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  socketCalls,
} from './sockets.js';

/** Listens on an address (a number, no name). Returns the descriptor. Throws a SystemError. */
export function listenOn(host: string, port: number, backlog: number): number {
  const calls = socketCalls();
  const attempt = `listen on ${host} port ${port}`;
  const fd = calls.socket(host.includes(':') ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError(attempt, calls.errno());
  const one = pinned(4);
  new DataView(one.bytes.buffer, one.bytes.byteOffset, 4).setInt32(0, 1, true);
  calls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one.address, 4);
  const address = new SocketAddress(calls);
  const length = address.set(host, port);
  if (calls.bind(fd, address.at, length) < 0 || calls.listen(fd, backlog) < 0) {
    const errno = calls.errno();
    calls.close(fd);
    throw new SystemError(attempt, errno);
  }
  return fd;
}
