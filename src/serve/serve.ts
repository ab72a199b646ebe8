/** Serving: a store, an HTTP server and a network, from start to drained end. */

import type { ServeOptions } from '../cli/arguments/serve.js';
import { badUsage, type Failure } from '../errors/failure.js';
import { adminListener, makeServer } from './http-server.js';
import { Log } from './log.js';
import { openNetwork } from './networks.js';
import { firstSignal } from './signals.js';
import { openSites, tellRoots } from './sites.js';
import { addressOf } from './url.js';
import { FROM_WORKERS } from './workers/worker-channel.js';

/** Serves until a signal comes, then drains. */
export async function runServer(options: ServeOptions): Promise<void> {
  if (options.selfTest) return (await import('../cli/commands/self-test.js')).runSelfTest(options);
  if (options.supervised) return (await import('./supervised/supervised.js')).runSupervised(options);
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
    return (await import('./workers/workers.js')).runWorkers(options);
  }
  const number = Number(process.env[FROM_WORKERS]);
  delete process.env[FROM_WORKERS];
  return (await import('./workers/worker.js')).runWorker(options, number);
}

async function serve(options: ServeOptions, log: Log): Promise<void> {
  const signal = firstSignal();
  let failed: (failure: Failure) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  // Side by side: a network may have to ask for its address while the site is being opened.
  const [network, sites] = await Promise.all([
    openNetwork(options, log, (one) => failed(one)),
    openSites(options, log),
  ]);
  tellRoots(sites, log);
  const http = makeServer(options, network, sites, log);
  const admin = await adminListener(options, { network, sites, log, http });
  // Made here, while the network asks for its address: with a pipe or a terminal come Node's sockets, which take milliseconds to load.
  const { stdout } = process;
  let ask: (what: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    ask = resolve;
  });
  const end = Promise.race([signal, asked, failure]);
  end.catch(() => undefined);
  const control = options.control === undefined ? undefined : await import('./control.js');
  try {
    await admin?.open();
    // Before there is an address a signal ends it as well.
    const listener = await Promise.race([network.listen(options.port, http.accept), end]);
    if (typeof listener === 'object') {
      const url = addressOf(network, listener);
      await control?.open(options.control!, {
        ...{ site: sites.site, http, moved: () => undefined, image: '', url },
        drain: () => ask('drain'),
      });
      stdout.write(`listening on ${url}\n`);
      const name = await end;
      log.event('net', `${name}: no new connections; ${http.connections} open ones have ${options.drain / 1000} s`);
      http.drain();
    }
    await network.close(options.drain);
  } finally {
    control?.close();
    admin?.close();
    for (const one of sites.all) one.close();
  }
}
