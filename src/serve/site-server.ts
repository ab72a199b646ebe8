/** A site served by a library call: a store, an HTTP server and a network put together. */

import type { HttpOptions } from '../http/index.js';
import { HttpServer } from '../http/index.js';
import type { Listener, Network } from '../net/flow.js';
import { openSocketNetwork } from '../net/sockets/open.js';
import { openStore } from '../store/open/open.js';
import type { Store } from '../store/store.js';

export interface SiteServerOptions {
  /** A directory, a bundle file, or a store that is open already. */
  readonly site: string | Store;
  /** 0 (the default): the network chooses. */
  readonly port?: number | undefined;
  /** The network; default: the kernel's sockets on 127.0.0.1. It is closed with the server. */
  readonly network?: Network | undefined;
  /** Options of the HTTP server: `base`, `limits`, `log`, ... */
  readonly http?: Omit<HttpOptions, 'store' | 'clock'> | undefined;
}

export interface SiteServer {
  /** `http://127.0.0.1:8080/` */
  readonly url: string;
  readonly http: HttpServer;
  readonly store: Store;
  /**
   * Accepts no new connections, lets open ones finish for at most `drain` ms (10,000), and closes network and store.
   */
  close(drain?: number): Promise<void>;
}

/**
 * Serves `site`. Resolves when it is reachable. Rejects with a `StoreError` when the site cannot be opened, a
 * `RangeError` when the port is none, an `Error` for people when the network cannot listen.
 */
export async function serveSite({ site, port = 0, network, http = {} }: SiteServerOptions): Promise<SiteServer> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`port: ${port} is not a whole number of 0 to 65535`);
  const store = typeof site === 'string' ? await openStore(site) : site;
  const carrier = network ?? (await openSocketNetwork());
  const server = new HttpServer({ ...http, store: () => store, clock: carrier.clock });
  let listener: Listener;
  try {
    listener = await carrier.listen(port, server.accept);
  } catch (error) {
    await carrier.close(0);
    if (typeof site === 'string') store.close();
    throw error;
  }
  const { address, port: chosen } = listener.endpoint;
  const host = address.includes(':') ? `[${address}]` : address;
  return {
    url: `http://${host}${chosen === 80 ? '' : `:${chosen}`}/`,
    http: server,
    store,
    async close(drain = 10_000) {
      server.drain();
      await carrier.close(drain);
      if (typeof site === 'string') store.close();
    },
  };
}
