/**
 * Work that several processes with the same files share: each begins with its part, gives the others what it made, and
 * does at last what none has given. Results that are given may be wrong, come late, or not at all.
 */
import { COMPRESSED, type Compressed } from './codings.js';
import type { TaskQueue } from './compression-order.js';
import { isChecked } from './decompress-now.js';
import type { Task } from './task.js';

/** What one process made, as it goes to the others. */
export interface Made {
  /** SHA-256 of the content, in hex. */
  readonly content: string;
  readonly coding: Compressed;
  /** The compressor and its level. */
  readonly settings: string;
  /** Empty: the coding does not make it smaller. */
  readonly bytes: Uint8Array;
}

/** Bytes of the largest result that is given: it is copied on each serving thread. */
export const LARGEST_GIVEN = 2 ** 22;
/** Bytes of results that wait for a reading that wants them; what comes beyond is dropped, and made here. */
const ROOM = 2 ** 25;
/** Bytes that an entry is counted as, beside its result. */
const ENTRY = 512;

export interface Partner {
  /** Which of them this process is, from 1 on. */
  readonly number: number;
  readonly count: number;
  /** Whether what they give is believed without a look: none of them reads what strangers send under a seal. */
  readonly trusted: boolean;
  readonly send: (made: Made) => void;
}

/** This process among those that share the work. */
export class SharedWork {
  readonly trusted: boolean;
  private readonly waiting = new Map<string, Made>();
  private waitingBytes = 0;
  private readonly takers = new Set<Given>();

  constructor(private readonly partner: Partner) {
    this.trusted = partner.trusted;
  }

  /** Whether results of that coding go between processes: to check one must cost less than to make it. */
  shares(coding: Compressed): boolean {
    return this.trusted || isChecked(coding);
  }

  /** Whether this process does the task before those of the others. */
  isOwn({ blob, coding }: Task): boolean {
    if (!this.shares(coding)) return true;
    const { number, count } = this.partner;
    const part = Number.parseInt(blob.sha256.slice(0, 8), 16) + COMPRESSED.indexOf(coding);
    return part % count === number - 1;
  }

  give(made: Made): void {
    if (made.bytes.length <= LARGEST_GIVEN && this.shares(made.coding)) this.partner.send(made);
  }

  /** A message of another process; anything else than a result is dropped. */
  heard(message: unknown): void {
    if (!isMade(message) || !this.shares(message.coding)) return;
    for (const taker of this.takers) if (taker.take(message)) return;
    const size = message.bytes.length + ENTRY;
    if (this.waitingBytes + size > ROOM) return;
    const key = `${message.content} ${message.coding}`;
    if (this.waiting.has(key)) return;
    this.waiting.set(key, message);
    this.waitingBytes += size;
  }

  /** How many results wait for a reading. */
  get kept(): number {
    return this.waiting.size;
  }

  /** What the others give for the tasks of `queue` from now on, and gave before. End it when the queue is done. */
  for(queue: TaskQueue): Given {
    const given = new Given(queue, () => this.takers.delete(given));
    this.takers.add(given);
    for (const [key, made] of this.waiting) {
      if (!given.take(made)) continue;
      this.waiting.delete(key);
      this.waitingBytes -= made.bytes.length + ENTRY;
    }
    return given;
  }
}

/** The results of other processes for one queue. */
export class Given {
  private readonly results: { readonly task: Task; readonly made: Made }[] = [];
  /** How many there were. */
  count = 0;

  constructor(
    private readonly queue: TaskQueue,
    readonly end: () => void,
  ) {}

  /** False: the task is not in the queue any more. */
  take(made: Made): boolean {
    const task = this.queue.takeThat(made.content, made.coding);
    if (task === undefined) return false;
    this.results.push({ task, made });
    this.count++;
    return true;
  }

  next(): { readonly task: Task; readonly made: Made } | undefined {
    return this.results.shift();
  }
}

function isMade(message: unknown): message is Made {
  if (typeof message !== 'object' || message === null) return false;
  const { content, coding, settings, bytes } = message as Partial<Record<keyof Made, unknown>>;
  return (
    typeof content === 'string' &&
    /^[0-9a-f]{64}$/.test(content) &&
    COMPRESSED.includes(coding as Compressed) &&
    typeof settings === 'string' &&
    bytes instanceof Uint8Array &&
    bytes.length <= LARGEST_GIVEN
  );
}
