/**
 * Where lines of the log go: standard error or a file, written beside the server's work, and dropped when they are not
 * read fast enough.
 */
import { fstatSync, realpathSync, renameSync, truncateSync } from 'node:fs';
import boom, { type SonicBoom } from 'sonic-boom';
import { expectSystemError } from '../errors/codes.js';
import { libc } from '../native/libc/libc.js';

/** Characters that may wait; what comes beyond is dropped, and counted. */
const MOST = 4 * 1024 * 1024;
/** Milliseconds that a slow reader gets at the end. */
const PATIENCE = 1000;
/** Bytes of a log file, after which another one is begun; the one before is kept, as FILE.1. */
const LARGEST = 8 * 1024 * 1024;

export interface LogFile {
  readonly file: string;
  /** Bytes; default 8 MiB. */
  readonly largest?: number;
  /** Standard error follows to each file that is begun: last words of the runtime go there. */
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

  /** `where`: a descriptor that stays open, or a file of bounded size. Nothing is written in the call of `write`. */
  constructor(where: number | LogFile, most = MOST) {
    this.file = typeof where === 'number' ? undefined : where;
    const to = typeof where === 'number' ? { fd: where } : { dest: where.file, append: true, mode: 0o600 };
    this.out = new boom.SonicBoom({ ...to, sync: false, maxLength: most });
    this.out.on('drop', (text: string) => {
      this.dropped += text.split('\n').length - 1;
      this.waiting -= Buffer.byteLength(text);
    });
    // The disk is full, or the reader of the pipe has gone: the server must not end for its log. What waits is tried
    // again with the next line.
    this.out.on('error', () => undefined);
    this.out.on('drain', () => this.tell());
    this.out.on('write', (bytes: number) => {
      this.waiting -= bytes;
      this.size += bytes;
      if (this.file !== undefined && this.size > (this.file.largest ?? LARGEST)) this.begin(this.file);
    });
    if (this.file === undefined) return;
    this.out.on('ready', () => this.opened());
  }

  /** `text`: whole lines. */
  readonly write = (text: string): void => {
    this.put(text);
  };

  private put(text: string): void {
    this.waiting += Buffer.byteLength(text);
    this.out.write(text);
  }

  /** Begins the file anew. */
  private begin({ file }: LogFile): void {
    if (this.renaming || !this.regular) return;
    this.renaming = true;
    try {
      // Behind a link it is the file that is renamed; the link leads to the next one.
      const real = realpathSync(file);
      renameSync(real, `${real}.1`);
    } catch (error) {
      expectSystemError(error);
      // No name can be had beside it: the old lines go, the bound stays.
      this.empty(file);
    }
    this.out.reopen(file);
  }

  private empty(file: string): void {
    try {
      truncateSync(file);
    } catch (error) {
      // It was removed: another one is made.
      expectSystemError(error);
    }
  }

  private opened(): void {
    const { fd } = this.out as unknown as { fd: number };
    const stats = fstatSync(fd);
    this.size = stats.size;
    // A device or a FIFO has no size to bound, and is not renamed.
    this.regular = stats.isFile();
    const began = this.renaming;
    this.renaming = false;
    if (began && this.file?.standardError && process.platform === 'linux') libc().dup2(fd, 2);
  }

  /** What was dropped is said once there is room again. */
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
      // There is no use in waiting for what takes nothing.
      this.out.on('error', () => resolve());
    });
  }
}
