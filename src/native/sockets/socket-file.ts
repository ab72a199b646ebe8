/**
 * The files of UNIX sockets, which outlive the processes that listened on them. Nothing but a socket is ever removed.
 */
import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { expectSystemError } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';
import { socketPath } from './socket-path.js';

/** Which file a socket was bound to: another one of the same name is not ours. */
export type SocketFile = Pick<Stats, 'dev' | 'ino'>;

/**
 * Makes the path free for a socket: one that no process listens on any more is removed. False: a process listens on it.
 * Rejects with a UserError, and removes nothing, where something else lies there.
 */
export async function freeSocketPath(path: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isSocket())
    throw new UserError(`${path} is there already, and is no socket; name another path, or remove it`, 'in-use');
  if (await isListenedOn(path)) return false;
  removeSocket(path, found);
  if (socketFileAt(path) !== undefined)
    throw new UserError(`${path} is a socket of a program that is gone, and cannot be removed; remove it`, 'in-use');
  return true;
}

/** The socket that lies at `path` now; undefined: none does. */
export function socketFileAt(path: string): SocketFile | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSocket() ? found : undefined;
}

/**
 * Removes the socket at `path`. `own`: only if it is still that one. Leaves everything that is no socket, and one that
 * this user may not remove: a socket that stays is no failure of a program at its end, since the next one removes it.
 */
export function removeSocket(path: string, own?: SocketFile): void {
  const now = socketFileAt(path);
  if (now === undefined || (own !== undefined && (now.ino !== own.ino || now.dev !== own.dev))) return;
  try {
    unlinkSync(path);
  } catch (error) {
    expectSystemError(error);
  }
}

/** A full backlog counts as well: there is a listener, however busy. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((done) => {
    const place = socketPath(path);
    const socket = connect(place.path);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    // Refused, or gone meanwhile: nothing listens. All else (EAGAIN, EACCES) leaves that open, and the socket where it
    // is.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => done(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
    socket.once('close', place.release);
  });
}
