/** A network on Node's sockets: no rights needed, on any operating system. */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { expectSystemError } from '../../../errors/codes.js';
import { UserError } from '../../../errors/user-error.js';
import { attempt, Containment } from '../../containment.js';
import type { Accept, Clock, Endpoint, Listener, Network } from '../../flow.js';
import { RealClock } from '../../real-clock.js';
import { listenAtAll } from '../common/listen-at-all.js';
import { BACKLOG, listenError, type SocketNetworkOptions } from '../common/options.js';
import { adopt } from './adopt.js';
import { SocketFlow, type SocketFlowOwner } from './flow.js';

const READ_SIZE = 64 * 1024;
/** Descriptors from the last on for which another flow is to end, and those that no connection gets. */
const FEW = 8;
const LAST = 2;

export type { SocketNetworkOptions } from '../common/options.js';

export class SocketNetwork implements Network, SocketFlowOwner {
  readonly clock: Clock;
  private readonly faults: Containment;
  readonly address: string;
  readonly addresses: readonly string[];
  private readonly maxConnections: number;
  private readonly given: number[];
  private readonly path: string | undefined;
  private readonly portOption: string | undefined;
  /** All connections read to here, one after the other. */
  private readonly buffer = new Uint8Array(READ_SIZE);
  private readonly flows = new Set<SocketFlow>();
  private readonly servers = new Set<Server>();
  private drained: (() => void) | undefined = undefined;
  private accepted = 0;
  private shed = 0;
  private readonly descriptors = mostDescriptors();
  onExhausted: (() => boolean) | undefined = undefined;

  constructor(options: SocketNetworkOptions = {}) {
    this.faults = new Containment(options.onFault);
    const timerFault = (error: unknown): void => this.faults.note(error, 'timer', this.clock.now());
    this.clock = options.clock ?? new RealClock(timerFault);
    this.address = options.host ?? '127.0.0.1';
    this.addresses = [this.address, ...(options.further ?? [])];
    this.given = [...(options.fds ?? [])];
    this.path = options.path;
    this.portOption = options.portOption;
    this.maxConnections = options.maxConnections ?? 65_536;
  }

  listen(port: number, accept: Accept): Promise<Listener> {
    return listenAtAll(this.addresses, port, (host, at) => this.listenAt(host, at, accept));
  }

  private listenAt(host: string, port: number, accept: Accept): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.on('connection', (socket) => this.connected(socket, accept));
    const fd = this.given.shift();
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new UserError(listenError(error, host, port, this.portOption))),
      );
      const ipv6Only = this.addresses.length > 1;
      const where = this.path !== undefined ? { path: this.path } : { host, port, ipv6Only };
      // The file of a UNIX socket is made within this call.
      const mask = this.path === undefined ? undefined : process.umask(0o117);
      server.listen({ ...(fd === undefined ? where : { fd }), backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
        // A connection that could not be accepted (no descriptor left) is lost; the listener goes on.
        server.on('error', () => undefined);
        this.servers.add(server);
        resolve(this.listener(server));
      });
      if (mask !== undefined) process.umask(mask);
    });
  }

  private listener(server: Server): Listener {
    return { endpoint: endpointOf(server), close: () => this.stopListening(server) };
  }

  private stopListening(server: Server): void {
    if (this.servers.delete(server)) server.close();
  }

  /**
   * Whether hardly any descriptor is left, and no flow could be ended for this one, or not soon enough. With none left
   * a connection would wait, the listening socket would stay ready, and nothing would tell: libuv keeps a spare one
   * for that, and cannot open it again in a process that is sealed.
   */
  private short(socket: Socket): boolean {
    // The kernel gives the lowest number that is free.
    const fd = (socket as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1;
    if (fd < this.descriptors - FEW) return false;
    return this.onExhausted?.() !== true || fd >= this.descriptors - LAST;
  }

  private connected(socket: Socket, accept: Accept): void {
    if (this.flows.size >= this.maxConnections || this.short(socket)) {
      this.shed += 1;
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    let made: SocketFlow | undefined;
    const adopted = adopt(socket, this.buffer, (own) => {
      made = new SocketFlow(own, this);
      return made.arrived;
    });
    const flow = made!;
    this.flows.add(flow);
    flow.guarded(() => {
      accept(flow);
      flow.flush();
      adopted.resume();
    });
  }

  faulted(flow: SocketFlow, error: unknown): void {
    attempt(() => flow.abort('failed'));
    this.faults.note(error, 'connection', this.clock.now());
  }

  flowClosed(flow: SocketFlow): void {
    this.flows.delete(flow);
    if (this.flows.size === 0) this.drained?.();
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'connections-accepted': this.accepted,
      'connections-open': this.flows.size,
      'connections-shed': this.shed,
      ...this.faults.counters(),
    };
  }

  async close(drain: number): Promise<void> {
    for (const server of this.servers) this.stopListening(server);
    if (this.flows.size === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.clock.schedule(drain, () => {
        for (const flow of this.flows) flow.abort('network-closed');
      });
      this.drained = () => {
        deadline.cancel();
        resolve();
      };
    });
  }
}

/** How many this process may have, where that can be known. */
function mostDescriptors(): number {
  let limits = '';
  try {
    limits = readFileSync('/proc/self/limits', 'latin1');
  } catch (error) {
    // Not Linux, or a system without /proc.
    expectSystemError(error);
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function endpointOf(server: Server): Endpoint {
  const address = server.address();
  if (address === null || typeof address === 'string') return { address: String(address), port: 0 };
  return { address: address.address, port: address.port };
}
