/** Makes the servers on a network, and opens its doors. */

import type { HttpServer } from '../../http/index.js';
import type { Listener, Network } from '../../net/flow.js';
import type { Door, Front, FrontContext } from '../door.js';
import { behindProxies, giveWay, makeServer } from '../http-server.js';
import type { Watched } from '../live-pages.js';
import { addressOf } from '../url.js';

/** TLS is loaded only when it is used. Rejects with a message for people. */
export async function makeFront(context: FrontContext): Promise<Front> {
  if (context.options.tls !== undefined)
    return (await import('../tls/secure-front.js')).makeSecureFront(context, context.options.tls);
  const { options, network, sites, log, siblings, dns, sealing } = context;
  const watched: Watched = { options, network, site: sites.site, log, siblings, sealing, dns, server: () => http };
  const http: HttpServer = makeServer(context, { watched });
  giveWay(network, log, () => [http]);
  return {
    main: { port: options.port, accept: behindProxies(context, http.accept), adopt: http.adopt },
    beside: () => [],
    scheme: 'http',
    watched,
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
 * Opens all doors; the main one comes first in what it returns. Rejects with a message for people. `adopts`:
 * connections may come from a program before this one.
 */
export async function openDoors(network: Network, front: Front, adopts = false): Promise<Listener[]> {
  const open = ({ port, accept, adopt }: Door) => network.listen(port, accept, adopts ? adopt : undefined);
  const opening = open(front.main);
  // A network without an address yet listens all the same: no segment may come before that.
  const known = network.address === undefined ? front.main.port : (await opening).endpoint.port;
  return Promise.all([opening, ...front.beside(known).map(open)]);
}

/** Where it serves, for people to open. */
export function urlOfFront(network: Network, front: Front, [main]: readonly Listener[]): string {
  return addressOf(network, main!, front.scheme);
}
