/**
 * UNIX sockets whose path is longer than the system's `sun_path` (unix(7)): by another name for the folder, which is
 * short.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { UserError } from '../../errors/user-error.js';

/** `sun_path` without its last zero. */
const LONGEST_PATH = 107;
/** open(2): only a place in the tree, which needs no right to read. Node has no name for it. */
const O_PATH = 0o10000000;

export interface SocketPath {
  /** What to bind or to connect to, as long as `release` has not been called. */
  readonly path: string;
  release(): void;
}

/**
 * A path for the socket at `path` that fits. Throws a `UserError` where none can be had: when the last part alone is
 * too long, or on systems without /proc. Throws what open(2) says about the folder.
 */
export function socketPath(path: string): SocketPath {
  // libuv would cut it off, and take another one.
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, release: () => undefined };
  if (process.platform !== 'linux') {
    throw new UserError(
      `the path of the socket is longer than the ${LONGEST_PATH} bytes that the system allows: ${path}`,
    );
  }
  const fd = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  const short = `/proc/self/fd/${fd}/${basename(path)}`;
  if (Buffer.byteLength(short) > LONGEST_PATH) {
    closeSync(fd);
    throw new UserError(`the name of the socket is too long (${Buffer.byteLength(basename(path))} bytes): ${path}`);
  }
  let released = false;
  const release = (): void => {
    if (!released) closeSync(fd);
    released = true;
  };
  return { path: short, release };
}
