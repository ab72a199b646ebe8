/** The control socket of a running server: a UNIX socket on which a line of JSON asks and a line of JSON answers. */
import { randomBytes } from 'node:crypto';
import { lchownSync, linkSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';
import { peerUser } from '../native/sockets/peer-user.js';
import { freeSocketPath, removeSocket, socketFileAt } from '../native/sockets/socket-file.js';
import { type SocketPath, socketPath } from '../native/sockets/socket-path.js';
import { LineReader } from './lines.js';
import { type ControlAnswer, type ControlRequest, parseRequest } from './protocol.js';

/** Connections at one time; who asks is a person, a script or the host's state machine. */
const CONNECTIONS = 64;

/**
 * Returns the answer to one request; the client gets the message of an error that it throws. `socket`: for answers of
 * more than a line.
 */
export type Answerer = (request: ControlRequest, socket: Socket) => Promise<ControlAnswer>;

export interface ControlSocket {
  /** No more requests; the socket's file goes, if it is still this one. */
  close(): void;
  /** Resolves when no descriptor of it is left. */
  readonly closed: Promise<void>;
}

/**
 * Listens at `path`, for this user alone. A socket without a listener is replaced; rejects with a `UserError` when a
 * process listens on it. `served`: the number of another user, whose programs serve: the socket's file is theirs, so
 * that one of them can take its place, and they may ask for the status, and for nothing else.
 */
export async function openControl(path: string, answer: Answerer, served?: number): Promise<ControlSocket> {
  // At the end libuv removes the file at the name that it bound, even if that is another file by then. So the socket is
  // bound to a name of its own, and then linked to the requested name. The link never replaces a file.
  const bound = join(dirname(path), `.sk-${randomBytes(6).toString('hex')}`);
  const place = placeOf(bound, path);
  try {
    if (!(await freeSocketPath(path)))
      throw new UserError(
        `another server listens on the control socket ${path}; stop that one, or choose another with --control`,
      );
  } catch (error) {
    place.release();
    throw error;
  }
  // Who asks may say that this was all, as `nc -N` does, and still hears the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    serve(socket, served === undefined ? answer : limited(answer, served)),
  );
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      place.release();
      reject(new UserError(sentence(error, path)));
    });
    // The socket's file is made within this call, readable and writable for its owner only.
    const mask = process.umask(0o177);
    server.listen(place.path, resolve);
    process.umask(mask);
  });
  try {
    if (served !== undefined) lchownSync(bound, served, -1);
    linkSync(bound, path);
  } catch (error) {
    server.close();
    throw new UserError(sentence(error as NodeJS.ErrnoException, path));
  } finally {
    rmSync(bound, { force: true });
  }
  const file = socketFileAt(path);
  server.removeAllListeners('error');
  server.on('error', () => undefined);
  // Its end looks for the name that it was bound to.
  const closed = new Promise<void>((resolve) => {
    server.once('close', () => {
      place.release();
      resolve();
    });
  });
  return {
    closed,
    close: () => {
      server.close();
      if (file !== undefined) removeSocket(path, file);
    },
  };
}

/** `path` names the socket in error messages. */
function placeOf(bound: string, path: string): SocketPath {
  try {
    // Clients need a path that fits, too.
    socketPath(path).release();
    return socketPath(bound);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(code === undefined ? message : sentence(error as NodeJS.ErrnoException, path));
  }
}

/** An intruder in a program that serves orders nothing of the process that started it. */
function limited(answer: Answerer, served: number): Answerer {
  return async (request, socket) => {
    const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
    if (request.do !== 'status' && peerUser(fd) === served)
      throw new UserError(`${request.do} is not for user ${served}, as which programs serve; ask as root`);
    return answer(request, socket);
  };
}

function serve(socket: Socket, answer: Answerer): void {
  socket.on('error', () => socket.destroy());
  let answering = 0;
  const endIfDone = (): void => {
    if (socket.readableEnded && answering === 0) socket.end();
  };
  const reader = new LineReader((line) => {
    answering += 1;
    void reply(line, socket, answer).then(() => {
      answering -= 1;
      endIfDone();
    });
  });
  socket.on('end', endIfDone);
  socket.on('data', (chunk: Buffer) => {
    if (!reader.take(chunk)) socket.destroy();
  });
}

async function reply(line: string, socket: Socket, answer: Answerer): Promise<void> {
  let said: string;
  try {
    said = JSON.stringify(await answer(parseRequest(line), socket));
  } catch (error) {
    // A bug of ours comes with its stack.
    said = JSON.stringify({ ok: false, error: errorText(error) });
  }
  if (!socket.destroyed) socket.write(`${said}\n`);
}

function sentence(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return `no permission to make the control socket ${path}; choose another place with --control`;
  if (error.code === 'ENOENT')
    return `the folder of the control socket ${path} does not exist; make it, or choose another place with --control`;
  return `the control socket ${path} cannot be made: ${errorText(error)}`;
}
