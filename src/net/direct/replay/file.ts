/**
 * A recording as a file: a header with the configuration, then a ring of segments. Each event is with the kernel before
 * the stack acts on it, so that the file is good however the process ends.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { errorText } from '../../../errors/report.js';
import { UserError } from '../../../errors/user-error.js';
import { openLiveOutput } from '../../../native/live-output.js';
import { readNamed } from '../../../native/named-file.js';
import type { RecordedConfig } from './events.js';
import type { Tape } from './recorder.js';

const MAGIC = 'sitekernel replay 1\n';
const HEADER = 4096;
const SEGMENTS = 4;
/** Each segment begins with its number, as f64; 0: it was never used. */
const SEGMENT_HEAD = 8;
/** Bytes of a recording that comes through a pipe. */
const LARGEST_STREAM = 1 << 30;

export class FileTape implements Tape {
  readonly size: number;
  private readonly fd: number;
  private readonly segment: number;
  private turns = 0;
  private base = HEADER;
  private stopped = false;

  /**
   * `bytes`: how large the file may become. `failed` is called once, with a message, when the file cannot be written
   * any more.
   */
  constructor(
    file: string,
    bytes: number,
    config: RecordedConfig,
    private readonly failed: (sentence: string) => void,
  ) {
    this.segment = Math.floor((bytes - HEADER) / SEGMENTS);
    this.size = this.segment - SEGMENT_HEAD;
    try {
      this.fd = openLiveOutput(file, 0o600, true);
    } catch (error) {
      throw new UserError(`the recording: ${errorText(error)}`);
    }
    const head = new Uint8Array(HEADER);
    const text = new TextEncoder().encode(`${MAGIC}${JSON.stringify({ segment: this.segment, ...config })}\n`);
    head.set(text.subarray(0, HEADER));
    this.write(head, head.length, 0);
  }

  private write(bytes: Uint8Array, end: number, at: number): void {
    if (this.stopped) return;
    try {
      let from = 0;
      while (from < end) from += writeSync(this.fd, bytes, from, end - from, at + from);
    } catch (error) {
      this.stopped = true;
      this.failed(`the recording ends here, its file cannot be written any more: ${errorText(error)}`);
    }
  }

  turn(): void {
    this.base = HEADER + (this.turns % SEGMENTS) * this.segment;
    this.turns += 1;
    const head = new Uint8Array(SEGMENT_HEAD + 1);
    new DataView(head.buffer).setFloat64(0, this.turns, true);
    this.write(head, head.length, this.base);
  }

  keep(bytes: Uint8Array, end: number, at: number): void {
    this.write(bytes, end, this.base + SEGMENT_HEAD + at);
  }

  close(): void {
    if (!this.stopped) closeSync(this.fd);
    this.stopped = true;
  }
}

export interface Recording {
  readonly config: RecordedConfig;
  /** Segments, the oldest first. */
  readonly segments: readonly Uint8Array[];
  /** The number of the first of them: 1 when nothing was lost. */
  readonly first: number;
}

interface Source {
  /** `length` bytes from `at` on, or what there is of them. */
  read(at: number, length: number): Buffer;
  close(): void;
}

/** The pieces of a regular file are read one by one: it may be larger than what one call reads. */
function sourceOf(file: string): Source {
  if (!statSync(file).isFile()) {
    const bytes = readNamed(file, LARGEST_STREAM);
    return { read: (at, length) => bytes.subarray(at, at + length), close() {} };
  }
  const fd = openSync(file, constants.O_RDONLY);
  const { size } = fstatSync(fd);
  return {
    read: (at, length) => {
      const piece = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - at)));
      return piece.subarray(0, readSync(fd, piece, 0, piece.length, at));
    },
    close: () => closeSync(fd),
  };
}

/** Throws a `UserError` for a file that is none. */
export function readRecording(file: string): Recording {
  let source: Source;
  try {
    source = sourceOf(file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new UserError(
      code === 'ENOENT'
        ? `${file} does not exist`
        : code === 'EISDIR'
          ? `${file} is a directory; name a recording, as --record FILE makes one`
          : `${file} cannot be read: ${errorText(error).replace(/^\w+: /, '')}`,
    );
  }
  try {
    return recordingIn(file, source);
  } finally {
    source.close();
  }
}

function recordingIn(file: string, source: Source): Recording {
  const text = source.read(0, HEADER).toString('utf8');
  if (!text.startsWith(MAGIC)) throw new UserError(`${file} is not a recording; one is made with --record FILE`);
  let config: RecordedConfig & { segment: number };
  try {
    config = JSON.parse(text.slice(MAGIC.length, text.indexOf('\n', MAGIC.length))) as typeof config;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`the header of ${file} is damaged; record again`);
  }
  const { segment } = config;
  if (!Number.isInteger(segment) || segment < 1024)
    throw new UserError(`the header of ${file} is damaged; record again`);
  const found: { number: number; bytes: Uint8Array }[] = [];
  for (let at = HEADER; ; at += segment) {
    const bytes = source.read(at, segment);
    if (bytes.length <= SEGMENT_HEAD) break;
    const number = bytes.readDoubleLE(0);
    if (number > 0) found.push({ number, bytes: bytes.subarray(SEGMENT_HEAD) });
  }
  found.sort((a, b) => a.number - b.number);
  if (found.length === 0) throw new UserError(`${file} has no events; the recording ended before it began`);
  return { config, segments: found.map((one) => one.bytes), first: found[0]!.number };
}
