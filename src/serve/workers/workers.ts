/**
 * `--workers N`: the first process holds the descriptors and starts the workers, which serve; a worker that ends is
 * replaced.
 */

import { spawn } from 'node:child_process';
import { hear } from '../../control/hear.js';
import { UserError } from '../../errors/user-error.js';
import { PARENT } from '../../native/parent.js';
import { thisKernel } from '../../seal/kernel.js';
import { sealParent } from '../../seal/parent.js';
import { BundleCopies } from '../../store/open/bundle-copies.js';
import { announce } from '../announce.js';
import type { KeptCertificates } from '../certificates/keep.js';
import { Log } from '../log.js';
import { openCertificates } from '../open-certificates.js';
import type { ServeOptions } from '../options/serve.js';
import { type Report, retired } from '../siblings.js';
import { firstSignal, onReload } from '../signals.js';
import type { TicketKeeper } from '../tickets/ticket-keys.js';
import { urlOf } from '../url.js';
import { FROM_WORKERS, type ToFirst } from '../worker-channel.js';
import type { Errands } from './errands.js';
import type { NamesOfWorkers } from './names.js';
import { passOn } from './results.js';
import { Way } from './way.js';
import { type Shared, Worker } from './worker-process.js';

/**
 * Milliseconds before a worker that never served is started again; and, after the drain time, before a worker that does
 * not end is killed.
 */
const PATIENCE = 2000;

export async function runWorkers(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const signal = firstSignal(log);
  const tickets = options.tls === undefined ? undefined : await prepareTls(options);
  const shared = await (options.net === 'socket' ? sharedSockets(options) : sharedQueues(options));
  const names = await namesFor(options, shared, log);
  if (options.seal.level !== 'off') await sealParent(thisKernel());
  let certificates: KeptCertificates | undefined;
  const errands = await errandsFor(options, names);
  // The authority connects to the workers: an order comes when they serve.
  const order = async (): Promise<void> => {
    certificates = await openCertificates(options, log, { zones: names?.zones, outgoing: errands });
  };
  try {
    await names?.prepare();
    await new Workers({ options, shared, log, tickets, names, errands, served: order }).run(signal);
  } finally {
    certificates?.stop();
    names?.close();
    shared.close();
    await log.close();
  }
}

/**
 * Undefined: this process has a network, or nothing to ask for. Rejects with a `UserError` for what no worker could
 * use.
 */
async function errandsFor(options: ServeOptions, names: NamesOfWorkers | undefined): Promise<Errands | undefined> {
  const { acme, dns, net } = options;
  if (net !== 'direct' || (acme === undefined && dns.secondaries.length === 0)) return undefined;
  if (acme?.roots !== undefined) (await import('../certificates/roots.js')).readRoots(acme.roots);
  const { Errands } = await import('./errands.js');
  const errands = new Errands();
  if (names !== undefined) names.zones.spread = (zone) => errands.spread(zone);
  return errands;
}

/** Undefined: there are no zones. Rejects with a `UserError`. */
async function namesFor(options: ServeOptions, shared: Shared, log: Log): Promise<NamesOfWorkers | undefined> {
  const { dns, host, net, workers } = options;
  if (dns.zones.length === 0) return undefined;
  const { NamesOfWorkers } = await import('./names.js');
  if (net === 'direct') return new NamesOfWorkers(options, log, undefined, () => shared.addresses);
  const { openSharedNames } = await import('../../net/sockets/libc/shared-names.js');
  const sockets = await openSharedNames(host, dns.port, workers, '--dns-port');
  return new NamesOfWorkers(options, log, sockets, () => [sockets.endpoint.address]);
}

/**
 * State that all workers share with HTTPS: the secret of session tickets, and a self-signed certificate, which is made
 * here.
 */
async function prepareTls(options: ServeOptions): Promise<TicketKeeper> {
  const { certificateFiles } = await import('../tls/certificate-files.js');
  const { given, otherwise } = certificateFiles(options);
  if (given.length === 0) otherwise();
  const { TicketKeeper } = await import('../tickets/ticket-keys.js');
  return new TicketKeeper();
}

async function sharedSockets(options: ServeOptions): Promise<Shared> {
  const { openShared } = await import('../../net/sockets/libc/shared-listening.js');
  const { host, port, tls, workers } = options;
  const main = await openShared(host, tls?.port ?? port, workers);
  const { fds, endpoint } = main;
  const addresses = [endpoint.address];
  if (tls === undefined)
    return { fds, addresses, urls: [urlOf(host, endpoint.port)], drain: main.close, close: main.close };
  try {
    const http = await openShared(host, port, workers);
    const close = (): void => {
      main.close();
      http.close();
    };
    const urls = [urlOf(host, endpoint.port, 'https')];
    return { fds, httpFds: http.fds, addresses, urls, drain: close, close };
  } catch (error) {
    main.close();
    throw error;
  }
}

async function sharedQueues(options: ServeOptions): Promise<Shared> {
  const { Queues } = await import('./queues.js');
  return new Queues(options);
}

interface WorkersOptions {
  readonly options: ServeOptions;
  readonly shared: Shared;
  readonly log: Log;
  readonly tickets: TicketKeeper | undefined;
  readonly names: NamesOfWorkers | undefined;
  readonly errands: Errands | undefined;
  /** Called once, when all workers serve. */
  readonly served: () => Promise<void>;
}

class Workers {
  private readonly options: ServeOptions;
  private readonly shared: Shared;
  private readonly log: Log;
  private readonly copies: BundleCopies;
  private readonly workers: readonly Worker[];
  /** The numbers of workers that have ended. */
  private readonly past: Report[] = [];
  private ending = false;
  private announced = false;
  /** URLs that were printed. */
  private readonly printed = new Set<string>();
  private failed: (failure: unknown) => void = () => undefined;
  private changed: () => void = () => undefined;

  private readonly tickets: TicketKeeper | undefined;
  private readonly names: NamesOfWorkers | undefined;
  private readonly errands: Errands | undefined;
  private readonly served: () => Promise<void>;

  constructor({ options, shared, log, tickets, names, errands, served }: WorkersOptions) {
    this.errands = errands;
    this.tickets = tickets;
    this.names = names;
    this.served = served;
    this.options = options;
    this.shared = shared;
    this.log = log;
    const { site } = options;
    this.copies = new BundleCopies([...(site === undefined ? [] : [site]), ...options.http.siteFor.values()]);
    this.workers = shared.fds.map((fd, i) => new Worker(i + 1, fd, shared.httpFds?.[i]));
    const [leads] = this.workers;
    if (leads !== undefined) errands?.by(leads);
  }

  async run(signal: Promise<string>): Promise<void> {
    const failure = new Promise<never>((_resolve, reject) => {
      this.failed = reject;
    });
    failure.catch(() => undefined);
    onReload(() => {
      const renewed = this.copies.renew().then(() => {
        for (const worker of this.workers) worker.reload();
      });
      renewed.catch(this.log.faulted);
    });
    await this.copies.renew();
    for (const worker of this.workers) this.start(worker);
    try {
      const name = await Promise.race([signal, failure]);
      this.log.event('net', `${name}: ${this.workers.length} workers drain`);
    } finally {
      this.ending = true;
      this.shared.drain();
      await this.drain();
      this.copies.close();
    }
  }

  private start(worker: Worker): void {
    worker.ready = false;
    worker.way = new Way();
    const [, script = '', ...args] = process.argv;
    const channel = this.copies.channel();
    // Their numbers are in `worker-channel.ts`; that of the copies is in the environment.
    const fds = [worker.httpFd ?? 'ignore', ...(this.names?.fdsOf(worker) ?? []), channel.fd] as const;
    const stdio = ['ignore', 'ignore', 'inherit', worker.fd, 'ipc', ...fds] as const;
    const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
      stdio: [...stdio],
      env: {
        ...process.env,
        [FROM_WORKERS]: String(worker.number),
        [PARENT]: String(process.pid),
        ...channel.variable(stdio.length - 1),
      },
      // JSON has no infinity, and a lease may be unlimited.
      serialization: 'advanced',
    });
    channel.begun();
    worker.child = child;
    hear<ToFirst>(child, (message) => this.heard(worker, message), this.log.faulted);
    child.on('error', (error) => this.log.warn(`worker ${worker.number}: ${error.message}`));
    child.on('exit', (code, by) => {
      channel.ended();
      this.ended(worker, by ?? `status ${code}`);
    });
    if (this.tickets !== undefined) worker.say({ say: 'tickets', tickets: this.tickets.passed() });
    this.shared.began?.(worker);
  }

  private heard(worker: Worker, message: ToFirst): void {
    if (message.say === 'ready') this.isReady(worker);
    else if (message.say === 'failed') this.failed(new UserError(message.why));
    else if (message.say === 'drained') {
      worker.drained = true;
      this.endTogether();
    } else if (message.say === 'report') {
      worker.report = message.report;
      this.tell();
    } else if (message.say === 'names') this.names?.asked(worker).catch(this.log.faulted);
    else if (message.say === 'named') this.names?.named(worker, message.version);
    else if (message.say === 'brought') this.errands?.heard(message);
    else if (message.say === 'made') passOn(message, worker, this.workers);
    else {
      this.shared.heard?.(worker, message);
      if (message.say !== 'address') return;
      this.names?.moved();
      if (this.announced) this.announce();
    }
  }

  /** Prints where the workers serve, and answer names: lines for each address that was not printed before. */
  private announce(): void {
    const fresh = this.shared.urls.filter((one) => !this.printed.has(one));
    for (const one of fresh) this.printed.add(one);
    const names = this.names !== undefined && this.options.net === 'direct' ? this.options.dns.port : undefined;
    if (fresh.length > 0) announce(fresh, this.log, { names });
  }

  private isReady(worker: Worker): void {
    worker.served();
    this.log.event('net', `worker ${worker.number} serves, process ${worker.child?.pid}`);
    if (this.announced || !this.workers.every((one) => one.ready)) return;
    this.announced = true;
    this.announce();
    if (this.names !== undefined && this.options.net === 'socket')
      process.stdout.write(`answering names at ${this.names.where}\n`);
    this.served().catch((error: unknown) => this.failed(error));
  }

  /** Sends each worker the numbers of the others. */
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
    this.shared.ended?.(worker, this.ending);
    this.names?.ended(worker);
    this.errands?.ended(worker);
    this.endTogether();
    this.changed();
    if (this.ending) return;
    // Until all workers have served once, the next attempt would fail as this one did; the worker has reported why.
    if (!this.announced) {
      this.failed(new UserError(`worker ${worker.number} ended before it served (${how})`));
      return;
    }
    this.log.warn(`worker ${worker.number} ended (${how}); another takes its place`);
    if (worker.ready) this.start(worker);
    else setTimeout(() => this.ending || this.start(worker), PATIENCE);
  }

  /**
   * Workers that wait for each other may end once none has a connection. The first ends before the others, because it
   * needs them for its last packets.
   */
  private endTogether(): void {
    if (!this.ending || !this.workers.every(({ child, drained }) => drained || child === undefined)) return;
    const [first, ...others] = this.workers;
    for (const worker of first?.child === undefined ? others : [first]) worker.say({ say: 'end' });
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
