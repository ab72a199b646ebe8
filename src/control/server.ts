/** The control socket of a running server: a UNIX socket on which a line of JSON asks and a line of JSON answers. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type SocketPath, socketPath } from '../native/socket-path.js';
import { socketAnswers } from './client.js';
import { LineReader } from './lines.js';
import { type ControlAnswer, type ControlRequest, parseRequest } from './protocol.js';

/** Connections at one time; who asks is a person, a script or the host's state machine. */
const CONNECTIONS = 64;

/** Returns the answer to one request; the client gets the message of an error that it throws. `socket`: for answers of more than a line. */
export type Answerer = (request: ControlRequest, socket: Socket) => Promise<ControlAnswer>;

/**
 * Listens at `path`, for this user alone. A socket that nobody listens on any more is replaced; rejects with a sentence
 * when somebody does.
 */
export async function openControl(path: string, answer: Answerer): Promise<Server> {
  if (await socketAnswers(path)) {
    throw new Error(
      `another server listens on the control socket ${path}; stop that one, or choose another with --control`,
    );
  }
  const place = placeOf(path);
  rmSync(path, { force: true });
  // Who asks may say that this was all, as `nc -N` does, and still hears the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, answer));
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      place.release();
      reject(new Error(sentence(error, path)));
    });
    // The socket's file is made within this call, readable and writable for its owner only.
    const mask = process.umask(0o177);
    server.listen(place.path, resolve);
    process.umask(mask);
  });
  server.removeAllListeners('error');
  server.on('error', () => undefined);
  // Its end takes the socket's file away, under the name that it was given.
  server.once('close', () => place.release());
  return server;
}

function placeOf(path: string): SocketPath {
  try {
    return socketPath(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === undefined ? message : sentence(error as NodeJS.ErrnoException, path));
  }
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
  let said: ControlAnswer;
  try {
    said = await answer(parseRequest(line), socket);
  } catch (error) {
    said = { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  if (!socket.destroyed) socket.write(`${JSON.stringify(said)}\n`);
}

function sentence(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return `no permission to make the control socket ${path}; choose another place with --control`;
  if (error.code === 'ENOENT')
    return `the folder of the control socket ${path} does not exist; make it, or choose another place with --control`;
  return `the control socket ${path} cannot be made: ${error.message}`;
}
