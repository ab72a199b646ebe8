/**
 * The protocol of the control socket (`--control PATH`): a request and its answer are a line of JSON each; a connection
 * may carry several. One closed union of requests, and the one parser of what a client sends.
 */
import { UserError } from '../errors/user-error.js';

/** A program that serves. */
export interface Running {
  /** Its image's id; empty: it was not started as an image. */
  readonly image: string;
  /** Id of the bundle that it serves. */
  readonly bundle: string;
  /** Where it serves: `http://10.0.0.7/`. */
  readonly url: string;
  readonly pid: number;
  /** Milliseconds since 1970 when it began to serve. */
  readonly since: number;
}

interface StatusRequest {
  readonly do: 'status';
}

/** Serve another bundle: one step in the running process. */
export interface SwapRequest {
  readonly do: 'swap';
  /** Absolute path. */
  readonly bundle: string;
  /** Id of the image that the bundle belongs to. */
  readonly id?: string | undefined;
  /** The id that the bundle must have. */
  readonly bundleId?: string | undefined;
  /** Absolute paths of files with zones that it serves: they are served from there. */
  readonly zones?: readonly string[] | undefined;
}

/** Bring up another program beside the running one; without a folder the same program once more. For a supervisor. */
export interface ReplaceRequest {
  readonly do: 'replace';
  /** Absolute path of an image's folder. */
  readonly folder?: string | undefined;
  readonly id?: string | undefined;
  readonly args?: readonly string[] | undefined;
}

/** Read the certificates again. */
interface ReloadRequest {
  readonly do: 'reload';
}

/** Accept no new connections, and end when the open ones are done. */
interface DrainRequest {
  readonly do: 'drain';
  /** Time that the open connections have; undefined: that of `--drain`. */
  readonly seconds?: number | undefined;
}

/** Another program has the traffic now. For a program whose supervisor is gone. */
interface RetireRequest {
  readonly do: 'retire';
  readonly seconds: number;
}

/** Pass on the descriptor of what is served on. For a program whose supervisor is gone. */
interface SurrenderRequest {
  readonly do: 'surrender';
}

export type ControlRequest =
  | StatusRequest
  | SwapRequest
  | ReplaceRequest
  | ReloadRequest
  | DrainRequest
  | RetireRequest
  | SurrenderRequest;

export interface ControlStatus extends Running {
  /** Where it serves now, by each of its addresses; programs of before have no such list. */
  readonly urls?: readonly string[] | undefined;
  readonly connections: number;
  /** Connections that came from the programs before it, since it began; on a TAP. */
  readonly moved?: number | undefined;
  readonly state: 'starting' | 'serving' | 'draining';
  /** Its supervisor is gone. */
  readonly orphan?: boolean | undefined;
  /** What an orphan serves on, in the words of its supervisor. */
  readonly held?: string | undefined;
}

export type ControlAnswer =
  | (Partial<ControlStatus> & { readonly ok: true })
  /** `error`: a message for people; nothing was changed. */
  | { readonly ok: false; readonly error: string };

/** A line that is no request of the protocol. The message says what was expected. */
export class RequestError extends UserError {
  override readonly name = 'RequestError';

  constructor(message: string) {
    super(message, 'request');
  }
}

/** Reads one line of a client. Fields that it does not know are left alone. Throws a `RequestError`. */
export function parseRequest(line: string): ControlRequest {
  const request = objectOf(line);
  switch (request['do']) {
    case 'status':
    case 'surrender':
    case 'reload':
      return { do: request['do'] };
    case 'swap':
      return {
        do: 'swap',
        bundle: absolute(request, 'bundle', 'a bundle file'),
        id: text(request, 'id', 'the id of the image that the bundle belongs to'),
        bundleId: text(request, 'bundleId', 'the id that the bundle must have'),
        zones: listOfTexts(request, 'zones', 'a list of files with zones'),
      };
    case 'replace':
      return {
        do: 'replace',
        folder: request['folder'] === undefined ? undefined : absolute(request, 'folder', 'an image'),
        id: text(request, 'id', 'the id of the image'),
        args: listOfTexts(request, 'args', 'a list of arguments'),
      };
    case 'drain':
      return { do: 'drain', seconds: request['seconds'] === undefined ? undefined : duration(request) };
    case 'retire':
      return { do: 'retire', seconds: duration(request) };
    default:
      throw new RequestError(
        `"do" is one of status, swap, replace, reload, drain, retire, surrender; not ${JSON.stringify(request['do'] ?? null)}`,
      );
  }
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RequestError('the request is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw new RequestError('a JSON object is expected');
  return value as Fields;
}

function text(request: Fields, name: string, what: string): string | undefined {
  const value = request[name];
  if (value !== undefined && typeof value !== 'string') throw new RequestError(`"${name}" is ${what}`);
  return value;
}

function absolute(request: Fields, name: string, what: string): string {
  const value = request[name];
  if (typeof value !== 'string' || !value.startsWith('/') || value.includes('\0'))
    throw new RequestError(`"${name}" is the absolute path of ${what}`);
  return value;
}

function listOfTexts(request: Fields, name: string, what: string): readonly string[] | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new RequestError(`"${name}" is ${what}`);
  return value as string[];
}

function duration(request: Fields): number {
  // The longest that a timer takes.
  const value = Math.min(Number(request['seconds']), 2_147_483);
  if (!(value >= 0)) throw new RequestError('"seconds" is a number that is not negative');
  return value;
}
