/**
 * A bare descriptor (a TAP, an input device), watched by libuv: Node itself takes files, sockets and terminals only.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { calls } from './libc/calls.js';
import { check, libc } from './libc/libc.js';
import { pinned } from './libc/slab.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** Keeps the borders of messages. */
export const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Returns a socket whose descriptor is a duplicate of `fd`; it is paused. `arrived` gets the bytes read to `buffer`, 0
 * at the end. `pair`: two descriptors of `socketPair`, made when there were some left; both are used up.
 */
export function watch(
  fd: number,
  buffer: Uint8Array,
  arrived: (length: number) => void,
  pair: readonly [number, number] = socketPair(),
): Socket {
  const onread: OnReadOpts = {
    buffer,
    callback: (length) => {
      arrived(length);
      return true;
    },
  };
  const socket = duplicate(fd, { readable: true, writable: false, onread }, pair);
  socket.pause();
  socket.on('end', () => arrived(0));
  return socket;
}

/** A stream of bytes both ways, over a duplicate of `fd`, which does not block. */
export function stream(fd: number): Socket {
  return duplicate(fd, { readable: true, writable: true }, socketPair());
}

/** A socket of Node's is made for one end of a pair, in whose place the descriptor comes then. */
function duplicate(
  fd: number,
  options: SocketConstructorOpts & { onread?: OnReadOpts },
  [ours, other]: readonly [number, number],
): Socket {
  const c = libc();
  const socket = new Socket({ ...options, fd: ours });
  check(c.dup2(fd, ours), 'duplicate the descriptor');
  c.close(other);
  return socket;
}

/** Two descriptors, each of which reads what is written to the other. They block, and end with an `exec`. */
export function socketPair(type = SOCK_STREAM): [number, number] {
  const pair = pinned(8);
  check(calls('socketpair').socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair.address), 'make a socket pair');
  const view = new DataView(pair.bytes.buffer, pair.bytes.byteOffset, 8);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}
