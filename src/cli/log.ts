/** Logs to standard error, in batches: a line a request must not cost a system call a request. */
import { writeSync } from 'node:fs';
import type { AccessRecord } from '../http/index.js';
import type { LogChannel, LogOptions } from './log-options.js';

/** Characters after which a batch is written at once. */
const BATCH_SIZE = 32 * 1024;
/** Milliseconds that a line waits at most. */
const BATCH_TIME = 100;

export class Log {
  private readonly options: LogOptions;
  private readonly out: (text: string) => void;
  private lines = '';
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: LogOptions, out: (text: string) => void = writeToStandardError) {
    this.options = options;
    this.out = out;
  }

  wants(channel: LogChannel): boolean {
    return this.options.channels.has(channel);
  }

  /** Something that the operator should know, whatever `--log` says. */
  warn(sentence: string): void {
    if (this.options.json) this.write('warning', sentence);
    else this.add(`sitekernel: ${sentence}`);
    this.flush();
  }

  event(channel: LogChannel, sentence: string): void {
    if (this.wants(channel)) this.write(channel, sentence);
  }

  private write(channel: string, sentence: string): void {
    const time = new Date().toISOString();
    this.add(
      this.options.json ? JSON.stringify({ time, channel, message: sentence }) : `${time} ${channel}: ${sentence}`,
    );
  }

  /** One answer: the Combined Log Format that log readers know, with the milliseconds it took at the end. */
  access(record: AccessRecord): void {
    const { method, target, protocol } = record;
    const remote = record.flow.remote.address;
    if (this.options.json) {
      this.add(
        JSON.stringify({
          time: new Date(record.time).toISOString(),
          channel: 'access',
          remote,
          method,
          target,
          protocol,
          host: record.host,
          status: record.status,
          bytes: record.contentBytes,
          ms: Number(record.elapsed.toFixed(3)),
          referer: record.referer,
          userAgent: record.userAgent,
        }),
      );
      return;
    }
    const request = method === '' ? '-' : `${method} ${target} ${protocol}`;
    this.add(
      `${remote} - - [${commonTime(record.time)}] "${escaped(request)}" ${record.status} ${record.contentBytes} ` +
        `"${escaped(record.referer ?? '-')}" "${escaped(record.userAgent ?? '-')}" ${record.elapsed.toFixed(3)}`,
    );
  }

  private add(line: string): void {
    this.lines += `${line}\n`;
    if (this.lines.length >= BATCH_SIZE) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), BATCH_TIME).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines === '') return;
    const lines = this.lines;
    this.lines = '';
    this.out(lines);
  }
}

function writeToStandardError(text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  let at = 0;
  try {
    while (at < bytes.length) at += writeSync(2, bytes, at);
  } catch {
    // Nobody reads it, or not fast enough: the server must not stop for its log.
  }
}

/** What a peer sent must not end the line or the quotes. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x1f\x7f"\\]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let commonSecond = -1;
let commonText = '';

/** `23/Nov/2026:21:00:00 +0000`, made once a second. */
function commonTime(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== commonSecond) {
    const date = new Date(second * 1000);
    const two = (value: number) => String(value).padStart(2, '0');
    commonText =
      `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:` +
      `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
    commonSecond = second;
  }
  return commonText;
}
