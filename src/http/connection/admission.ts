import type { Flow } from '../../net/flow.js';
import type { HttpLimits } from '../contracts/limits.js';
import { clientNetwork } from './client-network.js';
import { type Client, Connection, type Unfinished } from './connection.js';

/** Which connections are admitted: caps on all connections and on those of one client, and the counters of both. */
export class Admission {
  readonly #limits: HttpLimits;
  readonly #unfinished: Unfinished;
  readonly #shared: ((address: string) => boolean) | undefined;
  readonly #clients = new Map<string, Client>();
  #connections = 0;
  #refused = 0;
  #accepted = 0;
  #refusedEver = 0;

  /** `shared`: whether an address is a proxy's, whose connections are those of many clients. */
  constructor(limits: HttpLimits, unfinished: Unfinished, shared: ((address: string) => boolean) | undefined) {
    this.#limits = limits;
    this.#shared = shared;
    this.#unfinished = unfinished;
  }

  /** Connections that are open now, those that are being refused among them. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that came, so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Of these, those that came when a cap was reached. */
  get refused(): number {
    return this.#refusedEver;
  }

  /** More connections are being refused than may wait for their 503. */
  get overrun(): boolean {
    return this.#refused > this.#limits.refusals;
  }

  /** The connection of a new flow; at a cap it is one that is to be refused. */
  admit(flow: Flow): Connection {
    const { connections, connectionsPerClient } = this.#limits;
    let refused = this.#connections - this.#refused >= connections;
    const client = this.#clientOf(flow);
    if (client !== undefined) {
      refused ||= client.connections >= connectionsPerClient;
      if (!refused) client.connections++;
    }
    const c = new Connection(flow, client, refused, this.#unfinished);
    this.#connections++;
    this.#accepted++;
    if (refused) {
      this.#refused++;
      this.#refusedEver++;
    }
    return c;
  }

  /**
   * The connection of a flow from another program, which counted it as accepted. `restore` gives it its earlier state.
   * Undefined: a cap is reached, or the state cannot be restored.
   */
  adopt(flow: Flow, restore: (c: Connection) => boolean): Connection | undefined {
    const { connections, connectionsPerClient } = this.#limits;
    const client = this.#clientOf(flow);
    const full = this.#connections - this.#refused >= connections;
    const c = new Connection(flow, client, false, this.#unfinished);
    if (full || (client?.connections ?? -1) >= connectionsPerClient || !restore(c)) {
      c.forget();
      if (client?.connections === 0) this.#clients.delete(client.address);
      return undefined;
    }
    if (client !== undefined) client.connections++;
    this.#connections++;
    return c;
  }

  /** The connection is over, or belongs to another program. */
  gone(c: Connection): void {
    this.#connections--;
    if (c.refused) {
      this.#refused--;
      if (c.client?.connections === 0) this.#clients.delete(c.client.address);
    } else if (c.client !== undefined && --c.client.connections === 0) this.#clients.delete(c.client.address);
  }

  /** Where one client's connections are counted; undefined: they are not. */
  #clientOf(flow: Flow): Client | undefined {
    if (this.#limits.connectionsPerClient === 0 || this.#shared?.(flow.remote.address)) return undefined;
    const address = clientNetwork(flow.remote.address);
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = { address, connections: 0 };
      this.#clients.set(address, client);
    }
    return client;
  }
}
