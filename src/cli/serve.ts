/** Serving: a store, an HTTP server and a network, from start to drained end. */
import { HttpServer } from '../http/index.js';
import type { Network } from '../net/flow.js';
import type { Store } from '../store/index.js';
import type { ServeOptions } from './arguments.js';
import type { Log } from './log.js';
import { firstSignal } from './signals.js';

/** Serves until a signal comes, then drains. */
export async function serve(options: ServeOptions, store: Store, network: Network, log: Log): Promise<void> {
  const signal = firstSignal();
  const http = new HttpServer({
    store: () => store,
    clock: network.clock,
    log: log.wants('access') ? (record) => log.access(record) : undefined,
  });
  const listener = await network.listen(options.port, http.accept);
  process.stdout.write(`listening on ${urlOf(network.address ?? listener.endpoint.address, listener.endpoint.port)}\n`);
  const name = await signal;
  log.event(
    'net',
    `${name}: no new connections; ${http.connections} open ones finish within ${options.drain / 1000} s`,
  );
  http.drain();
  await network.close(options.drain);
  log.flush();
}

/** `http://10.0.0.7/`, with the port unless it is 80. */
export function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 80 ? `http://${host}/` : `http://${host}:${port}/`;
}
