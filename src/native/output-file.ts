/**
 * A path that a user gave to write to. What lies there decides how:
 *
 *   nothing, or a regular file written beside it under another name, then renamed: a reader sees the old file or the
 *   new one
 *   a symbolic link              the same, at the place that it leads to
 *   a FIFO, a device, a socket   the bytes go through it, and it stays what it is
 *   `-`, `/dev/stdout`, /dev/fd  the bytes go to that descriptor of this process
 *
 * Content for what cannot be renamed is made whole in an unnamed file first: a failure before the end writes nothing.
 */
import { randomBytes } from 'node:crypto';
import { constants, rmSync, type Stats, write } from 'node:fs';
import {
  access,
  chmod,
  chown,
  lstat,
  mkdtemp,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expectSystemError, ifCode, ifNoBug, ifSystemError } from '../errors/codes.js';
import { UserError } from '../errors/user-error.js';

/** Links on the way to a place; the kernel follows as many (path_resolution(7)). */
const MOST_LINKS = 40;
/** Bytes that are copied at a time. */
const PIECE = 1 << 20;
/** Milliseconds before another try when a pipe is full. */
const FULL_PIPE = 5;
/** Permission to write, of owner, group or others. */
export const WRITABLE = 0o222;
export const READ_ONLY = 'is read-only; name another file, or allow it first: chmod u+w';

/** A path that cannot be written to. `message`: what is wrong, and what to do. */
export class OutputError extends UserError {
  override readonly name = 'OutputError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'output', options);
  }
}

type Place =
  /** A descriptor of this process. */
  | { readonly kind: 'descriptor'; readonly fd: number }
  /** Something that bytes go through. */
  | { readonly kind: 'through'; readonly path: string }
  /** A regular file, or nothing yet. `before`: the file that is replaced. */
  | { readonly kind: 'file'; readonly path: string; readonly before: Stats | undefined };

export class OutputFile {
  /** The file to write, which is there and empty. It may be read, sought in, and replaced. */
  readonly part: string;
  private readonly name: string;
  private readonly place: Place;
  /** Is removed whole at the end; undefined: only `part` is. */
  private readonly folder: string | undefined;

  private constructor(name: string, place: Place, part: string, folder: string | undefined) {
    this.name = name;
    this.place = place;
    this.part = part;
    this.folder = folder;
    process.once('exit', this.atExit);
  }

  /** `mode`: of a file that is not there yet, less the umask. Rejects with an OutputError. */
  static async open(name: string, mode = 0o666): Promise<OutputFile> {
    let folder: string | undefined;
    try {
      const place = await placeOf(name);
      if (place.kind !== 'file') folder = await mkdtemp(join(tmpdir(), 'sitekernel-output-'));
      const part =
        place.kind === 'file'
          ? join(dirname(place.path), `.${basename(place.path)}.part-${randomBytes(6).toString('hex')}`)
          : join(folder as string, 'part');
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
      await (await open(part, flags, folder === undefined ? mode : 0o600)).close();
      return new OutputFile(name, place, part, folder);
    } catch (error) {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      throw outputError(error, name);
    }
  }

  /** `part` is complete: puts it where it belongs. Rejects with an OutputError, and then nothing is left of `part`. */
  async finish(): Promise<void> {
    try {
      if (this.place.kind === 'file') await this.replace(this.place.path, this.place.before);
      else await this.copy(this.place);
    } catch (error) {
      throw outputError(error, this.name);
    } finally {
      await this.discard();
    }
  }

  /** Nothing comes of it. May be called at any time, and more than once. */
  async discard(): Promise<void> {
    process.off('exit', this.atExit);
    await rm(this.folder ?? this.part, { recursive: this.folder !== undefined, force: true }).catch(
      ifSystemError(undefined),
    );
  }

  /** A signal may end the process in the midst of it. */
  private readonly atExit = (): void => {
    rmSync(this.folder ?? this.part, { recursive: this.folder !== undefined, force: true });
  };

  private async replace(path: string, before: Stats | undefined): Promise<void> {
    if (before !== undefined) {
      // Another owner's file stays theirs where we may say so. First the owner: a change of it takes the set-id bits
      // away.
      await chown(this.part, before.uid, before.gid).catch(ifSystemError(undefined));
      await chmod(this.part, before.mode & 0o7777);
    }
    const handle = await open(this.part, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    // What was put there meanwhile is looked at again: a rename asks nothing.
    const now = await lstat(path).catch(ifCode(undefined, 'ENOENT'));
    if (now !== undefined && !now.isFile())
      throw new OutputError(`${this.name} became something else while it was made`);
    await rename(this.part, path);
  }

  private async copy(place: Exclude<Place, { kind: 'file' }>): Promise<void> {
    const from = await open(this.part, 'r');
    // No O_CREAT: what was looked at is written to, or nothing is. A terminal must not become ours by this.
    const to = place.kind === 'through' ? await open(place.path, constants.O_WRONLY | constants.O_NOCTTY) : undefined;
    try {
      const piece = Buffer.allocUnsafe(PIECE);
      for (;;) {
        const { bytesRead } = await from.read(piece, 0, PIECE, null);
        if (bytesRead === 0) break;
        await writeAll(to?.fd ?? (place as { fd: number }).fd, piece.subarray(0, bytesRead));
      }
    } finally {
      await from.close();
      await to?.close();
    }
  }
}

/** Writes `content` to `name`, whole or not at all. `mode`: as for `OutputFile.open`. Rejects with an OutputError. */
export async function writeOutput(name: string, content: string | Uint8Array, mode?: number): Promise<void> {
  const output = await OutputFile.open(name, mode);
  try {
    await writeFile(output.part, content);
  } catch (error) {
    await output.discard();
    throw outputError(error, name);
  }
  await output.finish();
}

/** Whether what is written to `name` goes to standard output, where nothing else may go then. */
export async function leadsToStandardOutput(name: string): Promise<boolean> {
  const place = await placeOf(name).catch(ifNoBug(undefined));
  return place?.kind === 'descriptor' && place.fd === 1;
}

/** Where `name` leads. Follows links, also one to a file that is not there yet, as open(2) with O_CREAT does. */
async function placeOf(name: string): Promise<Place> {
  if (name === '-') return { kind: 'descriptor', fd: 1 };
  if (name === '' || name.endsWith('/')) throw new OutputError(`${name || '""'} names no file; name one to write`);
  let path = resolve(name);
  for (let links = 0; links < MOST_LINKS; links++) {
    const folder = await realpath(dirname(path));
    const fd = ownDescriptor(folder, basename(path));
    if (fd !== undefined) return { kind: 'descriptor', fd };
    path = join(folder, basename(path));
    const found = await lstat(path).catch(notThere);
    if (found?.isSymbolicLink()) {
      // A link of procfs to a file that a process has open: its text is no path.
      if (/^\/proc\/\d+\/(task\/\d+\/)?fd$/.test(folder)) return { kind: 'through', path };
      const target = await readlink(path);
      path = isAbsolute(target) ? target : join(folder, target);
      continue;
    }
    if (found === undefined) return { kind: 'file', path, before: undefined };
    if (found.isDirectory()) throw new OutputError(`${name} is a directory; name a file in it`);
    if (!found.isFile()) return { kind: 'through', path };
    // Root may write to everything; a file that is marked as read-only is meant to stay.
    if ((found.mode & WRITABLE) === 0) throw new OutputError(`${name} ${READ_ONLY}`);
    await access(path, constants.W_OK);
    return { kind: 'file', path, before: await stat(path) };
  }
  throw new OutputError(`${name} is a link that leads to itself; remove it`);
}

/** The descriptor of this process that `folder`/`base` stands for, as `/dev/stdout` does in the end. */
function ownDescriptor(folder: string, base: string): number | undefined {
  const own = folder === `/proc/${process.pid}/fd` || folder === `/proc/${process.pid}/task/${process.pid}/fd`;
  return own && /^\d{1,7}$/.test(base) ? Number(base) : undefined;
}

function notThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += await writeSome(fd, bytes.subarray(at));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await pause(FULL_PIPE);
    }
  }
}

function writeSome(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((done, failed) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => (error ? failed(error) : done(written)));
  });
}

/** `error` as a message about the path that the user gave. */
export function outputError(error: unknown, name: string): OutputError {
  if (error instanceof OutputError) return error;
  expectSystemError(error);
  const { code = '', message } = error as NodeJS.ErrnoException;
  const said = SENTENCES[code];
  return new OutputError(`${name} cannot be written: ${said ?? message}`, { cause: error });
}

const SENTENCES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; name a place where this user may make files',
  EPERM: 'permission denied; name a place where this user may make files',
  ENOENT: 'its directory does not exist; make it first',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's share of the disk is full",
  EROFS: 'the file system is read-only',
  EBUSY: 'something is mounted there; name another file and copy it',
  EFBIG: 'the file would be larger than the limit (ulimit -f)',
  EISDIR: 'it is a directory; name a file in it',
  ENXIO: 'it is a socket, a pipe that nobody reads, or a device that is not there',
  EPIPE: 'its reader has gone',
  ELOOP: 'it is a link that leads to itself; remove it',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
};
