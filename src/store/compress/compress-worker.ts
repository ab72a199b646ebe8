/** A thread that compresses what it is sent. */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Compressors } from '../options.js';
import type { Compressed } from './codings.js';
import { compressNow } from './compress-now.js';

export interface Job {
  readonly bytes: Uint8Array;
  readonly coding: Compressed;
  readonly level: number;
  readonly compressors: Compressors;
}

// On Linux a priority is a thread's own; elsewhere it would be the whole program's.
if ((workerData as { background?: boolean } | null)?.background && process.platform === 'linux')
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

parentPort?.on('message', async (job: Job) => {
  const out = await compressNow(job.bytes, job.coding, job.level, job.compressors);
  const own = new Uint8Array(out);
  parentPort?.postMessage(own, [own.buffer]);
});
