/** Serving: a store, an HTTP server and a network, from start to drained end. */

import { badUsage, type UserError } from '../../errors/user-error.js';
import { endWithParent } from '../../native/parent.js';
import { signals } from '../../native/process-signals.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { announceAll, urlsOf } from '../announce.js';
import type { Told } from '../certificates/told.js';
import { makeFront, openDoors, urlOfFront } from '../front/front.js';
import { adminListener } from '../http-server.js';
import { Log } from '../log.js';
import type { OpenNames } from '../names/open-names.js';
import { openNetwork } from '../networks.js';
import { tellNode } from '../node-line.js';
import type { ServeOptions } from '../options/serve.js';
import { ORDERER, renewalRole } from '../renewal/process.js';
import { Sealing } from '../sealing/sealing.js';
import { firstSignal } from '../signals.js';
import { openSites, tellRoots } from '../sites.js';

import { FROM_WORKERS } from '../worker-channel.js';

/** Serves until a signal comes, then drains. */
export async function runServer(options: ServeOptions): Promise<void> {
  if (options.selfTest) {
    signals.command();
    endWithParent();
    if (options.dns.zones.length > 0) (await import('../names/check-files.js')).checkZoneFiles(options.dns);
    return (await import('../self-test.js')).runSelfTest(options);
  }
  if (renewalRole() === ORDERER) return (await import('../renewal/orderer.js')).runOrderer(options);
  if (options.supervised) return (await import('../supervised/supervised.js')).runSupervised(options);
  if (options.workers > 1) return severalProcesses(options);
  const log = new Log(options.log);
  try {
    await serve(options, log);
  } finally {
    await log.close();
  }
}

/** The first of several processes, or one of those that it started. */
async function severalProcesses(options: ServeOptions): Promise<void> {
  if (process.platform !== 'linux') throw badUsage('--workers needs Linux; leave it out here');
  const { control } = options;
  if (control !== undefined) throw badUsage('--control is for one process; leave --workers out, or --control');
  if (process.env[FROM_WORKERS] === undefined || process.send === undefined) {
    return (await import('../workers/workers.js')).runWorkers(options);
  }
  const number = Number(process.env[FROM_WORKERS]);
  delete process.env[FROM_WORKERS];
  return (await import('../workers/worker.js')).runWorker(options, number);
}

async function serve(options: ServeOptions, log: Log): Promise<void> {
  const signal = firstSignal(log);
  const renewal = options.acme && (await import('../renewal/renewal.js')).Renewal.start(options, log);
  const told = renewal?.told;
  let failed: (failure: UserError) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  if (options.dns.zones.length > 0) (await import('../names/check-files.js')).checkZoneFiles(options.dns);
  const sealing = new Sealing(options, 'alone', log);
  // Side by side: a network may have to ask for its address while the site is being opened.
  const opening = Promise.all([openNetwork(options, log, (one) => failed(one)), openSites(options, log, sealing)]);
  opening.catch(() => undefined);
  const opened = await Promise.race([opening, signal]);
  // Half-open objects end with the process.
  if (typeof opened === 'string') return;
  const [network, sites] = opened;
  tellRoots(sites, log);
  let names: OpenNames | undefined;
  const front = await makeFront({ options, network, sites, log, sealing, told, dns: () => names?.server.counters() });
  const admin = await adminListener(front.watched);
  // Made here, while the network asks for its address: with a pipe or a terminal come Node's sockets, which take
  // milliseconds to load.
  void process.stdout;
  let ask: (what: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    ask = resolve;
  });
  const end = Promise.race([signal, asked, failure]);
  end.catch(() => undefined);
  const control = options.control === undefined ? undefined : await import('../control.js');
  const drain = (): void => ask('drain');
  const zones = () => names?.zones;
  const look = renewal && (() => renewal.look());
  const controlled = {
    site: sites.site,
    ...{ front, zones, moved: () => undefined, image: '', url: '', urls: (): readonly string[] => [], look, drain },
  };
  try {
    await admin?.open();
    await control?.open(options.control!, controlled);
    // The name server uses the stack, or sockets of its own, which cannot be opened later.
    const answersNames = options.dns.zones.length > 0;
    if (answersNames && options.net === 'socket') names = await openNames(options, network, log, told);
    await sealing.files();
    const opening = openDoors(network, front);
    if (options.net === 'direct') {
      sealing.close();
      (network as DirectNetwork).begin();
    }
    // Before there is an address a signal ends it as well.
    const listeners = await Promise.race([opening, end]);
    if (typeof listeners === 'object') {
      // No connection has been accepted yet: that happens in the loop's next turn.
      if (options.net === 'socket') sealing.close();
      controlled.url = urlOfFront(network, front, listeners);
      controlled.urls = () => urlsOf(network, front, listeners);
      const sameAddresses = answersNames && options.net === 'direct';
      if (sameAddresses) names = await openNames(options, network, log, told);
      announceAll(network, front, listeners, log, sameAddresses ? options.dns.port : undefined);
      tellNode(log);
      if (names !== undefined && !sameAddresses) process.stdout.write(`answering names at ${names.where}\n`);
      // The authority connects to this server: an order comes after the listener.
      await Promise.race([renewal?.begin({ reload: front.reload, zones: names?.zones, network }), end]);
      const name = await end;
      log.event('net', `${name}: no new connections; ${front.connections} open ones have ${options.drain / 1000} s`);
      front.drain();
      await names?.close(options.drain);
    }
    await network.close(options.drain);
  } finally {
    renewal?.stop();
    control?.close();
    front.close();
    admin?.close();
    for (const one of sites.all) one.close();
  }
}

/** The name server, on the network of direct mode, or on sockets of its own. */
async function openNames(
  options: ServeOptions,
  network: Network,
  log: Log,
  told: Told | undefined,
): Promise<OpenNames> {
  const { prepareNames } = await import('../names/open-names.js');
  const prepared = await prepareNames(options, network, log, { authority: told?.authority });
  prepared.listen();
  return prepared.open();
}
