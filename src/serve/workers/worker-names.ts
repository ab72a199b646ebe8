/** The name server of one worker: it answers out of the zones that the first process sends. */
import { nameKey } from '../../dns/wire/name.js';
import type { Zone } from '../../dns/zone/zone.js';
import type { Datagrams } from '../../net/datagrams.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { openSocketDatagrams } from '../../net/sockets/open.js';
import type { Log } from '../log.js';
import { NameServer } from '../names/name-server.js';
import { openSockets } from '../networks.js';
import type { ServeOptions } from '../options/serve.js';
import { type NamesMessage, WORKER_DNS_FDS } from '../worker-channel.js';

export interface WorkerNames {
  counters(): Readonly<Record<string, number>>;
  /** Takes no new queries; open ones have `drain` ms. */
  close(drain: number): Promise<void>;
}

/** How the first process is reached. */
export interface ZoneSource {
  /** Asks for the zones; `take` gets them, and later each change. */
  follow(take: (message: NamesMessage) => void): void;
  /** Answers come out of the zones of that message. */
  named(version: number): void;
}

/** Resolves when it answers. `number`: of this worker; the first tells secondaries of changes. */
export async function openWorkerNames(
  options: ServeOptions,
  network: Network,
  number: number,
  source: ZoneSource,
  log: Log,
): Promise<WorkerNames> {
  const direct = options.net === 'direct';
  const own = direct ? network : await openSockets(options, log, [WORKER_DNS_FDS.tcp], '--dns-port');
  const datagrams = direct ? (network as DirectNetwork).datagrams : await inherited(options, log);
  const share = { count: options.workers, leads: number === 1 };
  const zones = new Map<string, Zone>();
  let server: NameServer | undefined;
  const opened = await new Promise<NameServer>((resolve, reject) => {
    source.follow((message) => {
      for (const zone of message.zones) zones.set(nameKey(zone.apex), zone);
      const first = server === undefined;
      // A socket that is bound already is taken for a port that is named.
      server ??= new NameServer({ ...options.dns, port: message.port }, own, message.cookies, share);
      server.replace([...zones.values()]);
      const answering = server;
      if (first) {
        server.listen(datagrams);
        server.where().then(() => {
          source.named(message.version);
          resolve(answering);
        }, reject);
      } else source.named(message.version);
    });
  });
  return {
    counters: () => opened.counters(),
    close: async (drain) => {
      opened.close();
      if (!direct) await own.close(drain);
    },
  };
}

function inherited({ host, sockets }: ServeOptions, log: Log): Promise<Datagrams> {
  return openSocketDatagrams(host, '--dns-port', sockets, log.contained, WORKER_DNS_FDS.udp);
}
