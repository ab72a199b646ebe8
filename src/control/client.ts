/** Asking a running server over its control socket. */
import { connect, Socket } from 'node:net';
import { parseJson } from '../errors/parse-json.js';
import { UserError } from '../errors/user-error.js';
import { socketPath } from '../native/sockets/socket-path.js';
import { LineReader } from './lines.js';
import type { ControlAnswer, ControlRequest } from './protocol.js';

/** Milliseconds that an answer may take by default: a large bundle is verified before it is served. */
const PATIENCE = 120_000;

/** Sends one request. Rejects with a `UserError` when no process listens at `path`, or the answer does not come. */
export function askControl(path: string, request: ControlRequest, patience = PATIENCE): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(path);
    const timer = setTimeout(
      () => over(`the server behind ${path} has not answered for ${patience / 1000} s`),
      patience,
    );
    const over = (sentence: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new UserError(sentence));
    };
    const reader = new LineReader((line) => {
      const answer = parseJson(line);
      if (typeof answer !== 'object' || answer === null) return over(`what listens on ${path} is no server of ours`);
      clearTimeout(timer);
      socket.end();
      resolve(answer as ControlAnswer);
    });
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: Buffer) => reader.take(chunk));
    socket.on('error', () => over(`nobody listens on the control socket ${path}`));
    socket.on('close', () => over(`the server behind ${path} ended before it answered`));
  });
}

/** Whether a process listens on the UNIX socket at `path`. */
export function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** At a path that does not exist no process listens: the socket reports that. */
function connectTo(path: string): Socket {
  try {
    const place = socketPath(path);
    const socket = connect(place.path);
    for (const event of ['connect', 'error', 'close']) socket.once(event, place.release);
    return socket;
  } catch (error) {
    return new Socket().destroy(error as Error);
  }
}
