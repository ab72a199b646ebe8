/**
 * Listening sockets for several processes that serve on one port: each its own, and the kernel gives each a share of
 * the connections (SO_REUSEPORT, socket(7)). The process that made them holds them too, so that what waits in one
 * outlives the process that accepts from it.
 */

import { UserError } from '../../../errors/user-error.js';
import { errnoCode } from '../../../native/libc/errno.js';
import { pinned } from '../../../native/libc/slab.js';
import { SocketAddress } from '../../../native/sockets/socket-address.js';
import {
  AF_INET,
  AF_INET6,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  socketCalls,
} from '../../../native/sockets/sockets.js';
import type { Endpoint } from '../../flow.js';
import { addressOfName } from '../common/name.js';
import { BACKLOG, listenError } from '../common/options.js';

export interface SharedListening {
  readonly fds: readonly number[];
  readonly endpoint: Endpoint;
  /** Lets go of all: what no other process holds is closed. */
  close(): void;
}

/** `port` 0 lets the kernel choose; `option` chooses it otherwise. Rejects with a `UserError`. Linux only. */
export async function openShared(host: string, port: number, count: number, option?: string): Promise<SharedListening> {
  const calls = socketCalls();
  const socketAddress = new SocketAddress(calls);
  const one = pinned(4);
  one.bytes[0] = 1;
  const open = (address: string, at: number, share: boolean): number => {
    const family = address.includes(':') ? AF_INET6 : AF_INET;
    const fd = calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    calls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one.address, 4);
    if (share) calls.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, one.address, 4);
    const length = socketAddress.set(address, at);
    if (fd >= 0 && calls.bind(fd, socketAddress.at, length) >= 0 && calls.listen(fd, BACKLOG) >= 0) return fd;
    const code = errnoCode(calls.errno());
    if (fd >= 0) calls.close(fd);
    throw Object.assign(new Error(code), { code });
  };
  const fds: number[] = [];
  try {
    const address = socketAddress.accepts(host) ? host : await addressOfName(host);
    // One that shares would take a part of the connections of another program that shares as well: first see that there
    // is none.
    const alone = open(address, port, false);
    const endpoint = socketAddress.ask('getsockname', alone);
    calls.close(alone);
    for (let i = 0; i < count; i++) fds.push(open(address, endpoint.port, true));
    return {
      fds,
      endpoint,
      close: () => {
        for (const fd of fds.splice(0)) calls.close(fd);
      },
    };
  } catch (error) {
    for (const fd of fds) calls.close(fd);
    throw new UserError(listenError(error as NodeJS.ErrnoException, host, port, option));
  }
}
