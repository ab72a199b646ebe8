/**
 * The listener of pages about the server itself. It is on sockets of the kernel in every mode. So the site's port has
 * no such pages, and a host whose site has a separate address can reach them, too.
 */

import { lstatSync, rmSync } from 'node:fs';
import { socketAnswers } from '../control/client.js';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';
import { HttpServer, type LivePage } from '../http/index.js';
import { socketPath } from '../native/sockets/socket-path.js';
import type { Network } from '../net/flow.js';
import { SocketNetwork } from '../net/sockets/node/network.js';
import type { Store } from '../store/store.js';
import type { Log } from './log.js';
import { type AdminPlace, placeText } from './options/admin.js';

/** The most clients at one time. */
const CONNECTIONS = 64;
/** Milliseconds between two attempts to listen where another program still listens. */
const AGAIN = 250;

const NOTHING: Store = {
  id: '',
  size: 0,
  lookup: () => ({ kind: 'missing', page: undefined }),
  resources: () => [],
  close: () => undefined,
};

export class AdminListener {
  private network: Network | undefined;
  private release: () => void = () => undefined;
  private closed = false;
  private waiting: NodeJS.Timeout | undefined;

  constructor(
    private readonly place: AdminPlace,
    private readonly pages: readonly LivePage[],
    private readonly log: Log,
  ) {}

  /** Rejects with a UserError when it cannot listen there. */
  async open(): Promise<void> {
    const { place, pages, log } = this;
    const released = 'path' in place ? await takePath(place.path) : undefined;
    const network = new SocketNetwork({
      host: 'host' in place ? place.host : undefined,
      path: released?.path,
      maxConnections: CONNECTIONS,
      onFault: (error, fault, unreported) => log.contained(error, fault, unreported),
    });
    const http = new HttpServer({
      store: () => NOTHING,
      livePages: pages,
      // A browser cannot reach a UNIX socket; its clients may send any host.
      localOnly: !('path' in place),
      clock: network.clock,
      onFault: (error) => log.fault(error),
    });
    try {
      await network.listen('port' in place ? place.port : 0, http.accept);
    } catch (error) {
      released?.release();
      throw new UserError(`--admin-listen: ${errorText(error).replace('--port', '--admin-listen')}`);
    }
    if (this.closed) return network.close(0);
    this.network = network;
    this.release = () => released?.release();
    log.event('net', `pages about the server are at ${placeText(place)}`);
  }

  /**
   * Listens as soon as the program before this one has released the address. A failure is a line in the log only, since
   * the site is served.
   */
  openWhenFree(told = false): void {
    if (this.closed) return;
    this.open().catch((error: Error) => {
      if (!told) this.log.event('net', `${error.message}; trying again`);
      this.waiting = setTimeout(() => this.openWhenFree(true), AGAIN).unref();
    });
  }

  /** Closes at once: clients that read numbers ask again. */
  close(): void {
    this.closed = true;
    clearTimeout(this.waiting);
    const { release } = this;
    // Closing removes a UNIX socket's file, under the name that it was given.
    void this.network?.close(0).then(release, release);
    this.network = undefined;
  }
}

/** The path as the kernel takes it, free to listen at: a socket without a listener is removed, any other file stays. */
async function takePath(path: string): Promise<ReturnType<typeof socketPath>> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isSocket())
    throw new UserError(`--admin-listen: ${path} is there and no socket; choose another path`);
  if (there !== undefined && (await socketAnswers(path)))
    throw new UserError(`--admin-listen: another program listens at ${path}; stop it, or choose another path`);
  if (there !== undefined) rmSync(path);
  try {
    return socketPath(path);
  } catch (error) {
    throw new UserError(`--admin-listen: ${path} cannot be used: ${errorText(error)}`);
  }
}
