/** `--workers N`: the first process holds the listening sockets and starts the others, which serve; one that ends is replaced. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openShared, type SharedListening } from '../net/sockets/shared-listening.js';
import { Failure } from './failure.js';
import { Log } from './log.js';
import { urlOf } from './serve.js';
import type { ServeOptions } from './serve-arguments.js';
import { type Report, retired } from './siblings.js';
import { firstSignal, onReload } from './signals.js';
import { FROM_WORKERS, type ToFirst, type ToWorker } from './worker-channel.js';

/** Milliseconds before one that never served is started again, and beyond the drain time before one that does not end is ended. */
const PATIENCE = 2000;

class Worker {
  child: ChildProcess | undefined;
  /** It served, since it was started last. */
  ready = false;
  report: Report | undefined;

  constructor(
    readonly number: number,
    readonly fd: number,
  ) {}

  say(message: ToWorker): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }
}

export async function runWorkers(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const signal = firstSignal();
  const shared = await openShared(options.host, options.port, options.workers);
  try {
    await new Workers(options, shared, log).run(signal);
  } finally {
    shared.close();
    await log.close();
  }
}

class Workers {
  private readonly options: ServeOptions;
  private readonly shared: SharedListening;
  private readonly log: Log;
  private readonly workers: readonly Worker[];
  /** What those did that have ended. */
  private readonly past: Report[] = [];
  private ending = false;
  private announced = false;
  private failed: (failure: Failure) => void = () => undefined;
  private changed: () => void = () => undefined;

  constructor(options: ServeOptions, shared: SharedListening, log: Log) {
    this.options = options;
    this.shared = shared;
    this.log = log;
    this.workers = shared.fds.map((fd, i) => new Worker(i + 1, fd));
  }

  async run(signal: Promise<string>): Promise<void> {
    const failure = new Promise<never>((_resolve, reject) => {
      this.failed = reject;
    });
    failure.catch(() => undefined);
    onReload(() => {
      for (const worker of this.workers) worker.child?.kill('SIGHUP');
    });
    for (const worker of this.workers) this.start(worker);
    try {
      const name = await Promise.race([signal, failure]);
      this.log.event('net', `${name}: ${this.workers.length} workers drain`);
    } finally {
      this.ending = true;
      this.shared.close();
      await this.drain();
    }
  }

  private start(worker: Worker): void {
    worker.ready = false;
    const [, script = '', ...args] = process.argv;
    const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
      stdio: ['ignore', 'ignore', 'inherit', worker.fd, 'ipc'],
      env: { ...process.env, [FROM_WORKERS]: String(worker.number) },
    });
    worker.child = child;
    child.on('message', (message: ToFirst) => this.heard(worker, message));
    child.on('error', (error) => this.log.warn(`worker ${worker.number}: ${error.message}`));
    child.on('exit', (code, by) => this.ended(worker, by ?? `status ${code}`));
  }

  private heard(worker: Worker, message: ToFirst): void {
    if (message.say === 'ready') {
      worker.ready = true;
      this.log.event('net', `worker ${worker.number} serves, process ${worker.child?.pid}`);
      if (this.announced || !this.workers.every((one) => one.ready)) return;
      this.announced = true;
      const { port } = this.shared.endpoint;
      process.stdout.write(`listening on ${urlOf(this.options.host, port)}\n`);
      return;
    }
    worker.report = message.report;
    this.tell();
  }

  /** Tells each what the others have done. */
  private tell(): void {
    for (const worker of this.workers) {
      const others = this.workers.filter((one) => one !== worker).flatMap(({ report }) => report ?? []);
      worker.say({ say: 'others', reports: [...others, ...this.past] });
    }
  }

  private ended(worker: Worker, how: string): void {
    worker.child = undefined;
    if (worker.report !== undefined) this.past.push(retired(worker.report));
    worker.report = undefined;
    this.changed();
    if (this.ending) return;
    // Before all have served once, the next try would fail as this one did; it has said why.
    if (!this.announced) {
      this.failed(new Failure(`worker ${worker.number} ended before it served (${how})`));
      return;
    }
    this.log.warn(`worker ${worker.number} ended (${how}); another takes its place`);
    if (worker.ready) this.start(worker);
    else setTimeout(() => this.ending || this.start(worker), PATIENCE);
  }

  private async drain(): Promise<void> {
    for (const worker of this.workers) worker.say({ say: 'drain' });
    const timer = setTimeout(() => {
      for (const { child } of this.workers) child?.kill('SIGKILL');
    }, this.options.drain + PATIENCE);
    while (this.workers.some(({ child }) => child !== undefined)) {
      await new Promise<void>((resolve) => {
        this.changed = resolve;
      });
    }
    clearTimeout(timer);
  }
}
