/** Logs to standard error, in batches: a line a request must not cost a system call a request. */
import { writeSync } from 'node:fs';
import { type AccessRecord, accessLine } from '../http/index.js';
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
    this.add(accessLine(this.options.json ? 'json' : 'combined', record));
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
