/** A thread that compresses what it is sent, or says what it becomes without its coding. */
import { createHash } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Compressors } from '../options.js';
import type { Compressed } from './codings.js';
import { compressNow } from './compress-now.js';
import { decompressNow } from './decompress-now.js';

export interface Pressing {
  readonly bytes: Uint8Array;
  readonly coding: Compressed;
  readonly level: number;
  readonly compressors: Compressors;
}

/** Answered with the SHA-256 of the content, or with nothing where `bytes` are no such coding of `size` octets. */
export interface Checking {
  readonly bytes: Uint8Array;
  readonly coding: Compressed;
  readonly size: number;
}

export type Job = Pressing | Checking;

// On Linux a priority is a thread's own; elsewhere it would be the whole program's.
if ((workerData as { background?: boolean } | null)?.background && process.platform === 'linux')
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

parentPort?.on('message', async (job: Job) => {
  const out = 'size' in job ? hashOfContent(job) : await compressNow(job.bytes, job.coding, job.level, job.compressors);
  const own = new Uint8Array(out);
  parentPort?.postMessage(own, [own.buffer]);
});

function hashOfContent({ bytes, coding, size }: Checking): Uint8Array {
  try {
    return createHash('sha256')
      .update(decompressNow(bytes, coding, size))
      .digest();
  } catch {
    // Each decompressor has errors of its own; whatever they are, these bytes are not served.
    return new Uint8Array(0);
  }
}
