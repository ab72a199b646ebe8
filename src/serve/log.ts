/** Logs to standard error, in batches: one line a request must not cost one system call a request. */

import { type AccessRecord, accessLine } from '../http/index.js';
import { Containment, type FaultPlace } from '../net/containment.js';
import { EventBound } from './event-bound.js';
import { LogSink } from './log-sink.js';
import type { LogChannel, LogOptions } from './options/log.js';

/** Characters after which a batch is written at once. */
const BATCH_SIZE = 32 * 1024;
/** Milliseconds that a line waits at most. */
const BATCH_TIME = 100;

/** The consequence of a fault, by its place. */
const ENDED: Readonly<Record<FaultPlace, string>> = {
  frame: 'in the network stack cost one packet; all connections go on',
  connection: 'ended one connection; the others go on',
  poll: 'stopped what was due in a part of the network stack, which is tried again in a second',
  timer: 'ended what a timer began; all connections go on',
  datagram: 'cost one datagram; the next is answered',
  device: 'in the network device cost some packets; all connections go on',
  program: 'cost a message of another process of this server; both go on',
};

/** What a fault has cost, how many more there were, and its stack. */
export function faultSentence(error: unknown, place: FaultPlace, unreported: number): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const more = unreported === 0 ? '' : ` (${unreported} more since the last report)`;
  return `a fault ${ENDED[place]}${more}. Please report it: ${stack}`;
}

export class Log {
  private readonly options: LogOptions;
  private readonly out: (text: string) => void;
  private readonly sink: LogSink | undefined;
  private lines = '';
  private timer: NodeJS.Timeout | undefined = undefined;
  private readonly faults = new Containment((...fault) => this.contained(...fault));

  /** Lines of each channel that strangers can cause. */
  private readonly bounds = new Map<LogChannel, EventBound>();
  private readonly now: () => number;

  /** `out` takes whole lines; standard error by default. `now` in milliseconds, of a clock that does not go back. */
  constructor(options: LogOptions, out?: (text: string) => void, now: () => number = () => performance.now()) {
    this.options = options;
    this.now = now;
    this.sink = out === undefined ? new LogSink(2) : undefined;
    this.out = out ?? this.sink!.write;
  }

  /** Lines that were dropped because they were not read fast enough. */
  get dropped(): number {
    return this.sink?.dropped ?? 0;
  }

  wants(channel: LogChannel): boolean {
    return this.options.channels.has(channel);
  }

  /** A message for the operator, logged with every `--log`. */
  warn(sentence: string): void {
    if (this.options.json) this.write('warning', sentence);
    else this.add(`sitekernel: ${sentence}`);
    this.flush();
  }

  /** An exception of a flow, with its stack: a bug to report. */
  fault(error: unknown): void {
    this.contained(error, 'connection', 0);
  }

  /** An exception that a network caught. `unreported`: the number of those at the same place since the last report. */
  readonly contained = (error: unknown, place: FaultPlace, unreported: number): void =>
    this.warn(faultSentence(error, place, unreported));

  /** An exception in dealing with what another process of this server says. */
  readonly faulted = (error: unknown): void => this.faults.note(error, 'program', performance.now());

  /** The progress of a long task. */
  note(sentence: string): void {
    if (this.options.json) this.write('site', sentence);
    else this.add(`sitekernel: ${sentence}`);
    this.flush();
  }

  /** What happened, in one line: of each channel so many lines a second as `EventBound` allows. */
  event(channel: LogChannel, sentence: string): void {
    if (!this.wants(channel)) return;
    const now = this.now();
    let bound = this.bounds.get(channel);
    if (bound === undefined) {
      bound = new EventBound(now);
      this.bounds.set(channel, bound);
    }
    bound.pass(sentence, now, (line) => this.write(channel, line));
  }

  private write(channel: string, sentence: string): void {
    const time = new Date().toISOString();
    this.add(
      this.options.json ? JSON.stringify({ time, channel, message: sentence }) : `${time} ${channel}: ${sentence}`,
    );
  }

  /**
   * One answer: in the Combined Log Format that log readers know, with its milliseconds at the end, or in another
   * configured format.
   */
  access(record: AccessRecord): void {
    this.add(accessLine(this.options.json ? 'json' : this.options.common ? 'common' : 'combined', record));
  }

  private add(line: string): void {
    this.lines += `${line}\n`;
    if (this.lines.length >= BATCH_SIZE) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), BATCH_TIME).unref();
  }

  /** Writes the remaining lines, as far as they are read. */
  async close(): Promise<void> {
    for (const [channel, bound] of this.bounds) bound.rest((line) => this.write(channel, line));
    this.flush();
    await this.sink?.close();
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
