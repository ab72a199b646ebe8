/**
 * One of several processes that serve as one: it was started with a socket or a queue of its own, and drains on an
 * order.
 */

import type { PassedSecret } from '../../control/channel.js';
import { hear } from '../../control/hear.js';
import { errorText } from '../../errors/report.js';
import { endWithParent } from '../../native/parent.js';
import { signals } from '../../native/process-signals.js';
import type { SharedAddress } from '../../net/direct/address/followed-mode.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { SharedWork } from '../../store/compress/shared-work.js';
import { makeFront, openDoors } from '../front/front.js';
import { adminListener } from '../http-server.js';
import { Log } from '../log.js';
import { openDirect, openSockets } from '../networks.js';
import { tellNode } from '../node-line.js';
import type { ServeOptions } from '../options/serve.js';
import { Sealing } from '../sealing/sealing.js';
import { INTERVAL, reportOf, Siblings } from '../siblings.js';
import { openSites, tellRoots } from '../sites.js';
import {
  type NamesMessage,
  type Place,
  type ToFirst,
  type ToWorker,
  WORKER_FD,
  WORKER_HTTP_FD,
} from '../worker-channel.js';
import type { ErrandRunner } from './errand-runner.js';
import { Way } from './way.js';
import type { WorkerNames, ZoneSource } from './worker-names.js';

/** `number`: which of them it is, from 1 on. */
export async function runWorker(options: ServeOptions, number: number): Promise<void> {
  const log = new Log(options.log);
  const siblings = new Siblings();
  const first = new First(siblings, log.faulted);
  // A terminal, or a service manager, signals all processes at once; the first process decides on the reaction. The end
  // of the first process counts as a signal, too.
  const parent = endWithParent();
  signals.worker(() => parent?.alive !== false, first.orphaned);
  const direct = options.net === 'direct';
  const sealing = new Sealing(options, 'worker', log);
  const { seal, workers } = options;
  const way = new Way();
  const shared = new SharedWork({
    number,
    count: workers,
    trusted: seal.level === 'off',
    send: (made) => way.send(made, (sent) => say({ say: 'made', made }, sent)),
  });
  first.made = (message) => shared.heard(message);
  const [network, sites] = await Promise.all([
    direct
      ? openQueue(options, log, first)
      : openSockets(options, log, options.tls === undefined ? [WORKER_FD] : [WORKER_FD, WORKER_HTTP_FD]),
    openSites(options, log, sealing, shared),
  ]);
  if (number === 1) {
    tellRoots(sites, log);
    tellNode(log);
  }
  const tickets = options.tls === undefined ? undefined : await first.tickets;
  const quiet = number > 1;
  let names: WorkerNames | undefined;
  const dns = () => names?.counters();
  const front = await makeFront({ options, network, sites, log, siblings, sealing, tickets, quiet, dns });
  const { metrics, status } = options.http.admin;
  // One worker reports for all.
  const admin = number === 1 ? await adminListener(front.watched) : undefined;
  if (metrics !== undefined || status !== undefined) {
    let last = '';
    setInterval(() => {
      const report = reportOf(front.stats(), network.counters(), dns());
      const text = JSON.stringify(report);
      if (text !== last) say({ say: 'report', report });
      last = text;
    }, INTERVAL);
  }
  first.serving = true;
  try {
    await admin?.open();
    const naming = async (): Promise<void> => {
      if (options.dns.zones.length === 0) return;
      const { openWorkerNames } = await import('./worker-names.js');
      names = await openWorkerNames(options, network, number, first, log);
    };
    // Sockets cannot be opened later; a stack answers when it has its address.
    if (!direct) await Promise.race([naming(), first.drain]);
    const between = direct ? [(await first.begin).folder] : [];
    await sealing.files(between.map((path) => ({ path, access: 'write' })));
    // Without an address there is nothing to listen on yet, but the order to end may come all the same.
    const doors = openDoors(network, front);
    const listening = (direct ? doors.then(naming) : doors).then(
      () => {
        if (!direct) sealing.close(quiet);
        say({ say: 'ready' });
      },
      (error: unknown) => {
        if (!direct) throw error;
        say({ say: 'failed', why: errorText(error) });
      },
    );
    // Frames that wait in the queue are read once a server can answer them.
    if ('begin' in network) {
      sealing.close(quiet);
      (network as DirectNetwork).begin();
    }
    await Promise.race([listening.then(() => first.drain), first.drain]);
    front.drain();
    await Promise.all([names?.close(options.drain), close(network, options.drain, first)]);
  } finally {
    front.close();
    admin?.close();
    for (const one of sites.all) one.close();
    await log.close();
  }
}

/** A queue serves the others too: their ARP, their ICMP errors. So it stays until all have drained. */
async function close(network: Network, drain: number, first: First): Promise<void> {
  if (!('meet' in network)) return network.close(drain);
  await (network as DirectNetwork).close(drain, () => {
    say({ say: 'drained' });
    return first.end;
  });
}

async function openQueue(options: ServeOptions, log: Log, first: First): Promise<Network> {
  const { number, count, folder, keys, address, tap } = await first.begin;
  const failed = (why: string): void => say({ say: 'failed', why });
  const onAddress = (one: SharedAddress): void => say({ say: 'address', address: one });
  const worker = { number, count, folder, keys, address, onAddress };
  const queue = { ...tap, fd: WORKER_FD };
  const network = await openDirect(options, log, ({ message }) => failed(message), {
    inherited: queue,
    held: true,
    worker,
  });
  if (address !== undefined) network.follow(address);
  let runner: Promise<ErrandRunner> | undefined;
  first.told = (message) => {
    if (message.say === 'address') network.follow(message.address);
    else if (message.say === 'meet') network.meet(message.number).catch(log.faulted);
    else if (message.say === 'errand') {
      runner ??= import('./errand-runner.js').then(({ ErrandRunner }) => new ErrandRunner(options, network, log));
      const { number, errand } = message;
      runner.then((one) => one.run(number, errand)).then(say, log.faulted);
    }
  };
  await network.reachable;
  say({ say: 'here' });
  return network;
}

/** The first process's end of Node's channel. */
class First implements ZoneSource {
  readonly begin: Promise<Place>;
  readonly tickets: Promise<PassedSecret>;
  readonly drain: Promise<void>;
  readonly end: Promise<void>;
  /** The first process has ended. */
  readonly orphaned: () => void;
  /** Requests may come. */
  serving = false;
  /** Gets what other workers compressed. */
  made: (made: unknown) => void = () => undefined;
  private zones: (message: NamesMessage) => void = () => undefined;
  private readonly early: ToWorker[] = [];
  private listener: ((message: ToWorker) => void) | undefined = undefined;

  /** `faulted` gets what is thrown in dealing with a message. */
  constructor(siblings: Siblings, faulted: (error: unknown) => void) {
    let begin: (place: Place) => void = () => undefined;
    let tickets: (secret: PassedSecret) => void = () => undefined;
    let drain: () => void = () => undefined;
    let end: () => void = () => undefined;
    this.begin = new Promise((resolve) => {
      begin = resolve;
    });
    this.tickets = new Promise((resolve) => {
      tickets = resolve;
    });
    this.drain = new Promise((resolve) => {
      drain = resolve;
    });
    this.end = new Promise((resolve) => {
      end = resolve;
    });
    const heard = (message: ToWorker): void => {
      if (message.say === 'drain') drain();
      else if (message.say === 'end') end();
      else if (message.say === 'others') siblings.reports = message.reports;
      else if (message.say === 'begin') begin(message);
      else if (message.say === 'tickets') tickets(message.tickets);
      else if (message.say === 'names') this.zones(message);
      else if (message.say === 'made') this.made(message.made);
      else if (this.listener === undefined) this.early.push(message);
      else this.listener(message);
    };
    hear(process, heard, faulted);
    // The process that would give the order is gone. Before this one serves there is nothing to drain, and the order
    // may never come.
    this.orphaned = () => {
      if (!this.serving) process.exit(1);
      drain();
      end();
    };
    process.on('disconnect', this.orphaned);
    if (!process.connected) this.orphaned();
  }

  follow(take: (message: NamesMessage) => void): void {
    this.zones = take;
    say({ say: 'names' });
  }

  named(version: number): void {
    say({ say: 'named', version });
  }

  /** The listener for all other messages, including earlier ones. */
  set told(listener: (message: ToWorker) => void) {
    this.listener = listener;
    for (const message of this.early.splice(0)) listener(message);
  }
}

function say(message: ToFirst, sent: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, sent);
  else sent();
}
