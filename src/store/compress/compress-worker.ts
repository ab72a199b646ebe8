/** A thread that compresses what it is sent. */
import { parentPort } from 'node:worker_threads';
import type { Compressors } from '../options.js';
import type { Compressed } from './codings.js';
import { compressNow } from './compress-now.js';

export interface Job {
  readonly bytes: Uint8Array;
  readonly coding: Compressed;
  readonly level: number;
  readonly compressors: Compressors;
}

parentPort?.on('message', async (job: Job) => {
  const out = await compressNow(job.bytes, job.coding, job.level, job.compressors);
  const own = new Uint8Array(out);
  parentPort?.postMessage(own, [own.buffer]);
});
