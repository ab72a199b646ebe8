/**
 * The destination of the log: standard error or a file. Lines are written asynchronously, and dropped when they are not
 * read fast enough.
 */
import { closeSync, constants, fstatSync, openSync, realpathSync, renameSync, statSync, truncateSync } from 'node:fs';
import boom, { type SonicBoom } from 'sonic-boom';
import { expectSystemError } from '../errors/codes.js';
import { libc } from '../native/libc/libc.js';
import { OutputError, outputError, READ_ONLY, WRITABLE } from '../native/output-file.js';

/** Characters that may wait; further lines are dropped, and counted. */
const MOST = 4 * 1024 * 1024;
/** Milliseconds for a slow reader at the end. */
const PATIENCE = 1000;
/** Bytes of a log file, after which another one is begun; the one before is kept, as FILE.1. */
const LARGEST = 8 * 1024 * 1024;

export interface LogFile {
  readonly file: string;
  /** Bytes; default 8 MiB. */
  readonly largest?: number;
  /** Standard error is redirected to each new file: it gets the last messages of the runtime. */
  readonly standardError?: boolean;
}

export class LogSink {
  /** Lines that were dropped since the start. */
  dropped = 0;
  private told = 0;
  private readonly out: SonicBoom;
  private readonly file: LogFile | undefined;
  /** Bytes that were taken and are not written yet. */
  private waiting = 0;
  /** Bytes in the file. */
  private size = 0;
  private renaming = false;
  private regular = false;

  /**
   * `where`: a descriptor that stays open, or a file of bounded size. `write` itself writes nothing at once. Throws an
   * `OutputError` when the file cannot be opened.
   */
  constructor(where: number | LogFile, most = MOST) {
    this.file = typeof where === 'number' ? undefined : where;
    const held = this.file === undefined ? -1 : openNow(this.file.file);
    const to = typeof where === 'number' ? { fd: where } : { dest: where.file, append: true, mode: 0o600 };
    this.out = new boom.SonicBoom({ ...to, sync: false, maxLength: most });
    this.out.on('drop', (text: string) => {
      this.dropped += text.split('\n').length - 1;
      this.waiting -= Buffer.byteLength(text);
    });
    // The disk is full, or the reader of the pipe has gone: the server must not end because of its log. Waiting lines
    // are tried again with the next line.
    this.out.on('error', () => undefined);
    this.out.on('drain', () => this.tell());
    this.out.on('write', (bytes: number) => {
      this.waiting -= bytes;
      this.size += bytes;
      if (this.file !== undefined && this.size > (this.file.largest ?? LARGEST)) this.begin(this.file);
    });
    if (this.file === undefined) return;
    this.out.on('ready', () => this.opened());
    // Until then: the reader of a pipe must not see its end before its first line.
    this.out.once('ready', () => closeSync(held));
  }

  /** `text`: whole lines. */
  readonly write = (text: string): void => {
    this.put(text);
  };

  private put(text: string): void {
    this.waiting += Buffer.byteLength(text);
    this.out.write(text);
  }

  /** Begins a new file. */
  private begin({ file }: LogFile): void {
    if (this.renaming || !this.regular) return;
    this.renaming = true;
    try {
      // With a link, its target is renamed; the link then leads to the next file.
      const real = realpathSync(file);
      renameSync(real, `${real}.1`);
    } catch (error) {
      expectSystemError(error);
      // The file cannot be renamed: the old lines are lost, the bound stays.
      this.empty(file);
    }
    this.out.reopen(file);
  }

  private empty(file: string): void {
    try {
      truncateSync(file);
    } catch (error) {
      // The file was removed: a new one is made.
      expectSystemError(error);
    }
  }

  private opened(): void {
    const { fd } = this.out as unknown as { fd: number };
    const stats = fstatSync(fd);
    this.size = stats.size;
    // A device or a FIFO has no size, and is not renamed.
    this.regular = stats.isFile();
    const began = this.renaming;
    this.renaming = false;
    if (began && this.file?.standardError && process.platform === 'linux') libc().dup2(fd, 2);
  }

  /** Dropped lines are reported once there is room again. */
  private tell(): void {
    const lines = this.dropped - this.told;
    if (lines === 0) return;
    this.told = this.dropped;
    this.put(`sitekernel: ${lines} lines of the log were dropped: they are not read fast enough\n`);
  }

  /** Resolves when all is written, or when it has not been read for a while. */
  async close(): Promise<void> {
    if (this.waiting <= 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (this.waiting > 0) return;
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(resolve, PATIENCE);
      this.out.on('drain', done);
      // Waiting for a reader that takes nothing is of no use.
      this.out.on('error', () => resolve());
    });
  }
}

/** Opens the file now, when the caller can still have the error. A FIFO without a reader is an error, too. */
function openNow(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const before = statSync(file, { throwIfNoEntry: false });
    if (before?.isFile() && (before.mode & WRITABLE) === 0) throw new OutputError(`${file} ${READ_ONLY}`);
    return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600);
  } catch (error) {
    throw outputError(error, file);
  }
}
