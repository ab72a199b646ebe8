import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Job } from './compress-worker.js';

interface Waiting {
  readonly job: Job;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that compress, one for each processor, started as they are needed. Close it when all is done. */
export class CompressPool {
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();
  private readonly waiting: Waiting[] = [];
  /** How many there are at most. */
  readonly threads: number;
  private readonly background: boolean;

  /** `background`: one processor is left free, and other work has priority on the rest. */
  constructor({ background = false }: { readonly background?: boolean } = {}) {
    this.background = background;
    this.threads = Math.max(1, availableParallelism() - (background ? 1 : 0));
  }

  run(job: Job): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      this.next();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.all].map((worker) => worker.terminate()));
    this.all.clear();
  }

  private next(): void {
    if (this.waiting.length === 0) return;
    const worker = this.idle.pop() ?? this.start();
    if (!worker) return;
    const { job, resolve, reject } = this.waiting.shift()!;
    const settle = (): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
    };
    const onMessage = (bytes: Uint8Array): void => {
      settle();
      this.idle.push(worker);
      resolve(bytes);
      this.next();
    };
    const onError = (error: unknown): void => {
      settle();
      this.all.delete(worker);
      reject(error);
      this.next();
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
    // A message has all of the memory that bytes lie in.
    const { bytes } = job;
    worker.postMessage(bytes.length < bytes.buffer.byteLength ? { ...job, bytes: bytes.slice() } : job);
  }

  private start(): Worker | undefined {
    if (this.all.size >= this.threads) return undefined;
    const worker = new Worker(new URL('./compress-worker.js', import.meta.url), {
      execArgv: [],
      workerData: { background: this.background },
    });
    if (this.background) worker.unref();
    this.all.add(worker);
    return worker;
  }
}
