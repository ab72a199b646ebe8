/** Options of a socket that are set, and values of it that are asked for, by its descriptor. */
import { errnoCode } from '../../../native/libc/errno.js';
import { libc } from '../../../native/libc/libc.js';
import { pinned } from '../../../native/libc/slab.js';
import type { SocketAddress } from '../../../native/sockets/socket-address.js';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ERROR,
  SO_LINGER,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  type SocketCalls,
  TCP_NODELAY,
} from '../../../native/sockets/sockets.js';
import { BACKLOG } from '../common/options.js';

/** tcp(7). */
const SIOCOUTQ = 0x5411;

/** What a socket that listens is to be. */
interface WantedListener {
  readonly address: string;
  readonly port: number;
  /** IPv6 alone: another socket has IPv4 on the same port. */
  readonly alone: boolean;
}

export class SocketOptions {
  readonly #calls: SocketCalls;
  /** A value, and behind it its length. */
  readonly #memory = pinned(16);
  readonly #view = new DataView(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset, 16);

  constructor(calls: SocketCalls) {
    this.#calls = calls;
  }

  /** A descriptor that listens. Throws with the code of the call that failed. */
  listening(socketAddress: SocketAddress, { address, port, alone }: WantedListener): number {
    const calls = this.#calls;
    const family = address.includes(':') ? AF_INET6 : AF_INET;
    const fd = calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw this.#failure();
    this.#set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (family === AF_INET6 && alone) this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    // Connections inherit it.
    this.noDelay(fd);
    const length = socketAddress.set(address, port);
    if (calls.bind(fd, socketAddress.at, length) < 0 || calls.listen(fd, BACKLOG) < 0) {
      const failure = this.#failure();
      calls.close(fd);
      throw failure;
    }
    return fd;
  }

  /** No segment waits for the ACK of another (RFC 9293 3.7.4). */
  noDelay(fd: number): void {
    this.#set(fd, IPPROTO_TCP, TCP_NODELAY);
  }

  /** The socket will not say FIN but RST. */
  resetOnClose(fd: number): void {
    this.#view.setInt32(0, 1, true);
    this.#view.setInt32(4, 0, true);
    this.#calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#memory.address, 8);
  }

  /** Bytes that the kernel holds for the peer: not sent, or not acknowledged. */
  unacknowledged(fd: number): number {
    return libc().ioctl(fd, SIOCOUTQ, this.#memory.address) < 0 ? 0 : this.#view.getInt32(0, true);
  }

  /** The error that waits on the socket, as errno; 0: none. */
  pendingError(fd: number): number {
    const { address } = this.#memory;
    this.#view.setInt32(0, 0, true);
    this.#view.setUint32(4, 4, true);
    this.#calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, address, address + 4);
    return this.#view.getInt32(0, true);
  }

  #set(fd: number, level: number, name: number): void {
    this.#view.setInt32(0, 1, true);
    this.#calls.setsockopt(fd, level, name, this.#memory.address, 4);
  }

  #failure(): NodeJS.ErrnoException {
    const code = errnoCode(this.#calls.errno());
    return Object.assign(new Error(code), { code });
  }
}
