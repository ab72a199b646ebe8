/** One of several processes that serve on one port: it was started with its listening socket, and drains when it is told to. */

import { Log } from './log.js';
import { openSockets } from './networks.js';
import { makeServer, openSites } from './serve.js';
import type { ServeOptions } from './serve-arguments.js';
import { INTERVAL, reportOf, Siblings } from './siblings.js';
import { type ToFirst, type ToWorker, WORKER_FD } from './worker-channel.js';

export async function runWorker(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const siblings = new Siblings();
  const drain = new Promise<void>((resolve) => {
    process.on('message', (message: ToWorker) => {
      if (message.say === 'drain') resolve();
      else siblings.reports = message.reports;
    });
    // Whoever would say so is gone.
    process.on('disconnect', resolve);
  });
  // A terminal, or a service manager, signals all processes at once; the first one says what that means.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const [network, sites] = await Promise.all([openSockets(options, WORKER_FD), openSites(options, log)]);
  const http = makeServer(options, network, sites, log, siblings);
  const { metrics, status } = options.http;
  if (metrics !== undefined || status !== undefined) {
    let last = '';
    setInterval(() => {
      const report = reportOf(http.stats(), network.counters());
      const text = JSON.stringify(report);
      if (text !== last) say({ say: 'report', report });
      last = text;
    }, INTERVAL);
  }
  try {
    await network.listen(options.port, http.accept);
    say({ say: 'ready' });
    await drain;
    http.drain();
    await network.close(options.drain);
  } finally {
    for (const one of sites.all) one.close();
    await log.close();
  }
}

function say(message: ToFirst): void {
  if (process.connected) process.send?.(message, () => undefined);
}
