/** A network on the kernel's sockets: no rights needed, on any operating system. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Accept, Clock, Endpoint, Listener, Network } from './flow.js';
import { RealClock } from './real-clock.js';
import { adopt } from './sockets/adopt.js';
import { SocketFlow, type SocketFlowOwner } from './sockets/flow.js';

/** Connections that may wait to be accepted; the kernel lowers it to its own bound. */
const BACKLOG = 4096;
const READ_SIZE = 64 * 1024;

export interface SocketNetworkOptions {
  /** The address to listen on, `127.0.0.1` by default. */
  readonly host?: string | undefined;
  /** Flows at one time; one more is reset as soon as it comes. Default 65,536. */
  readonly maxConnections?: number | undefined;
  readonly clock?: Clock | undefined;
}

export class SocketNetwork implements Network, SocketFlowOwner {
  readonly clock: Clock;
  readonly address: string;
  private readonly maxConnections: number;
  /** All connections read to here, one after the other. */
  private readonly buffer = new Uint8Array(READ_SIZE);
  private readonly flows = new Set<SocketFlow>();
  private readonly servers = new Set<Server>();
  private drained: (() => void) | undefined = undefined;
  private accepted = 0;
  private shed = 0;

  constructor(options: SocketNetworkOptions = {}) {
    this.clock = options.clock ?? new RealClock();
    this.address = options.host ?? '127.0.0.1';
    this.maxConnections = options.maxConnections ?? 65_536;
  }

  listen(port: number, accept: Accept): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.on('connection', (socket) => this.connected(socket, accept));
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenError(error, this.address, port))));
      server.listen({ host: this.address, port, backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
        // A connection that could not be accepted (no descriptor left) is lost; the listener goes on.
        server.on('error', () => undefined);
        this.servers.add(server);
        resolve(this.listener(server));
      });
    });
  }

  private listener(server: Server): Listener {
    return { endpoint: endpointOf(server), close: () => this.stopListening(server) };
  }

  private stopListening(server: Server): void {
    if (this.servers.delete(server)) server.close();
  }

  private connected(socket: Socket, accept: Accept): void {
    if (this.flows.size >= this.maxConnections) {
      this.shed += 1;
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    let flow: SocketFlow | undefined;
    const adopted = adopt(socket, this.buffer, (own) => {
      flow = new SocketFlow(own, this);
      return flow.arrived;
    });
    this.flows.add(flow!);
    accept(flow!);
    flow!.flush();
    adopted.resume();
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

function endpointOf(server: Server): Endpoint {
  const address = server.address();
  if (address === null || typeof address === 'string') return { address: String(address), port: 0 };
  return { address: address.address, port: address.port };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use by another program; stop it, or choose another with --port`;
    case 'EACCES':
      return `no permission to listen on port ${port}; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another with --port`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; choose one of its own with --host`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is not an address, and no name that resolves to one; give one with --host`;
    default:
      return `cannot listen on ${host} port ${port}: ${error.message}`;
  }
}
