/**
 * Passing descriptors from one process to another over a UNIX socket (unix(7), SCM_RIGHTS), which Node has no word for.
 */

import { type Calls, calls } from '../libc/calls.js';
import { EINTR, SystemError } from '../libc/errno.js';
import { libc } from '../libc/libc.js';
import { pinned } from '../libc/slab.js';
import { socketPath } from './socket-path.js';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

const NAMES = ['connect', 'setsockopt', 'sendmsg', 'recvmsg'] as const;
let loaded: Calls<(typeof NAMES)[number]> | undefined;

/** Memory for the calls below; none of them keeps it. */
const memory = { address: 0, bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)) };

function scratch(): { c: Calls<(typeof NAMES)[number]>; address: number; bytes: Uint8Array; view: DataView } {
  // The C library first: its absence is a message.
  libc();
  loaded ??= calls(...NAMES);
  if (memory.address === 0) {
    const { address, bytes } = pinned(4096);
    Object.assign(memory, { address, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) });
  }
  return { c: loaded, ...memory };
}

function must(result: number, attempt: string): void {
  if (result < 0) throw new SystemError(attempt, libc().errno());
}

/** Connects to the UNIX socket at `path`; waits for at most `patience` ms in each later read. Throws a SystemError. */
export function connectUnix(path: string, patience: number): number {
  const { c, address, bytes, view } = scratch();
  const fd = libc().socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw new SystemError('make a socket', libc().errno());
  try {
    bytes.fill(0, 0, 112);
    view.setBigInt64(0, BigInt(Math.floor(patience / 1000)), true);
    view.setBigInt64(8, BigInt((patience % 1000) * 1000), true);
    must(c.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, address, 16), 'set SO_RCVTIMEO');
    bytes.fill(0, 0, 112);
    view.setUint16(0, AF_UNIX, true);
    const place = socketPath(path);
    const name = Buffer.from(place.path, 'utf8');
    bytes.set(name, 2);
    const result = c.connect(fd, address, 3 + name.length);
    const errno = libc().errno();
    place.release();
    if (result < 0) throw new SystemError(`connect to ${path}`, errno);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

// One message: struct msghdr at 0, struct iovec at 64, struct cmsghdr at 80, the data from 128 on.
const IOVEC = 64;
const CONTROL = 80;
const DATA = 128;
/** Bytes of a `struct cmsghdr`, and of one with four descriptors. */
const CONTROL_HEADER = 16;
const CONTROL_BYTES = 32;

function message(length: number): ReturnType<typeof scratch> {
  const parts = scratch();
  const { address, bytes, view } = parts;
  bytes.fill(0, 0, DATA);
  view.setBigUint64(16, BigInt(address + IOVEC), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, BigInt(address + CONTROL), true);
  view.setBigUint64(40, BigInt(CONTROL_BYTES), true);
  view.setBigUint64(IOVEC, BigInt(address + DATA), true);
  view.setBigUint64(IOVEC + 8, BigInt(length), true);
  return parts;
}

/** Sends `text` (3 KB at most) and one to four descriptors with it over the UNIX socket `fd`. Throws a SystemError. */
export function sendDescriptors(fd: number, text: string, passed: readonly number[]): void {
  const data = Buffer.from(text, 'utf8');
  const { c, address, bytes, view } = message(data.length);
  bytes.set(data, DATA);
  view.setBigUint64(CONTROL, BigInt(CONTROL_HEADER + 4 * passed.length), true);
  view.setInt32(CONTROL + 8, SOL_SOCKET, true);
  view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  for (const [i, one] of passed.entries()) view.setInt32(CONTROL + CONTROL_HEADER + 4 * i, one, true);
  must(c.sendmsg(fd, address, MSG_NOSIGNAL), 'pass a descriptor');
}

/**
 * Waits for text that `sendDescriptors` sent. `passed` are ours to close; none: none came with it. Throws a
 * SystemError.
 */
export function receiveDescriptors(fd: number): { text: string; passed: number[] } {
  const { c, address, bytes, view } = message(4096 - DATA);
  let length = -1;
  do length = c.recvmsg(fd, address, MSG_CMSG_CLOEXEC);
  while (length < 0 && libc().errno() === EINTR);
  must(length, 'receive a descriptor');
  const has = view.getBigUint64(40, true) > CONTROL_HEADER && view.getInt32(CONTROL + 12, true) === SCM_RIGHTS;
  const count = has ? Math.floor((Number(view.getBigUint64(CONTROL, true)) - CONTROL_HEADER) / 4) : 0;
  const text = Buffer.from(bytes.subarray(DATA, DATA + length)).toString('utf8');
  const passed = Array.from({ length: count }, (_, i) => view.getInt32(CONTROL + CONTROL_HEADER + 4 * i, true));
  return { text, passed };
}

/** Writes all of `text` to `fd`. Throws a SystemError. */
export function writeText(fd: number, text: string): void {
  const data = Buffer.from(text, 'utf8');
  const { address, bytes } = scratch();
  bytes.set(data, 0);
  must(libc().write(fd, address, data.length), 'write');
}
