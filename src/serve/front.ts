/** What a network is served with: HTTP, or HTTPS with what stands on the HTTP port beside it. */

import type { ServeOptions } from '../cli/arguments/serve.js';
import type { PassedSecret } from '../control/channel.js';
import type { HttpServer, HttpStats } from '../http/index.js';
import type { Accept, Adopt, Listener, Network } from '../net/flow.js';
import { makeServer } from './http-server.js';
import type { Log } from './log.js';
import type { Sites } from './sites.js';
import { addressOf } from './url.js';
import type { Siblings } from './workers/siblings.js';

/** A port, and who has what comes there. */
export interface Door {
  readonly port: number;
  readonly accept: Accept;
  /** Undefined: connections of this port stay in the program that accepted them. */
  readonly adopt?: Adopt | undefined;
}

export interface Front {
  readonly main: Door;
  /** The others; `port` is the one that the main door has. */
  beside(port: number): readonly Door[];
  readonly scheme: 'http' | 'https';
  /** Connections that are open now, handshakes left out. */
  readonly connections: number;
  stats(): HttpStats;
  /** Every connection ends with its next answer, or when it has been idle for its time. */
  retire(): void;
  /** Ends idle connections, and every other one with its next answer. */
  drain(): void;
  /** Reads certificates again; rejects with a message for people, and then what was served stays. Undefined: there are none. */
  readonly reload?: (() => Promise<void>) | undefined;
  close(): void;
}

export interface FrontContext {
  readonly options: ServeOptions;
  readonly network: Network;
  readonly sites: Sites;
  readonly log: Log;
  /** Other processes that serve the same. */
  readonly siblings?: Siblings | undefined;
  /** The secret of session tickets that other processes have, too. */
  readonly tickets?: PassedSecret | undefined;
  /** Another process has said what there is to say of the certificates. */
  readonly quiet?: boolean | undefined;
}

/** TLS is loaded when it is asked for. Rejects with a message for people. */
export async function makeFront(context: FrontContext): Promise<Front> {
  if (context.options.tls !== undefined)
    return (await import('./tls/secure-front.js')).makeSecureFront(context, context.options.tls);
  const { options, network, sites, log, siblings } = context;
  const http = makeServer(options, network, sites, log, { siblings });
  return plainFront(http, options.port);
}

function plainFront(http: HttpServer, port: number): Front {
  return {
    main: { port, accept: http.accept, adopt: http.adopt },
    beside: () => [],
    scheme: 'http',
    get connections() {
      return http.connections;
    },
    stats: () => http.stats(),
    retire: () => http.retire(),
    drain: () => http.drain(),
    close: () => undefined,
  };
}

/**
 * Opens all doors; the main one comes first in what it returns. Rejects with a message for people. `adopts`: connections may come from a
 * program before this one.
 */
export async function openDoors(network: Network, front: Front, adopts = false): Promise<Listener[]> {
  const open = ({ port, accept, adopt }: Door) => network.listen(port, accept, adopts ? adopt : undefined);
  const opening = open(front.main);
  // A network that has no address yet listens all the same, and no segment may come before.
  const known = network.address === undefined ? front.main.port : (await opening).endpoint.port;
  return Promise.all([opening, ...front.beside(known).map(open)]);
}

/** Where it serves, for people to open. */
export function urlOfFront(network: Network, front: Front, [main]: readonly Listener[]): string {
  return addressOf(network, main!, front.scheme);
}
