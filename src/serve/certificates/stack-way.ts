/** Connections from our own stack to other hosts: our stub resolver, our TCP, and our TLS client. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { rootCertificates } from 'node:tls';
import type { Fetch, FetchRequest } from '../../acme/protocol/fetch.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { LookupError, Resolver } from '../../dns/resolver/resolver.js';
import { ConnectError } from '../../net/connect-error.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Flow, FlowHandler } from '../../net/flow.js';
import { formatIp } from '../../net/ip-text.js';
import type { Random } from '../../net/random.js';
import { Roots } from '../../tls/certificate/verify.js';
import { FlowDuplex } from '../../tls/openssl/duplex.js';
import { choosePrimitives } from '../../tls/primitives/choose.js';
import { pooledRandom } from '../../tls/primitives/random.js';
import { TlsClient } from '../../tls/tls-client.js';
import { finish, PATIENCE, unreachable } from './response.js';
import { waitFor } from './wait-for.js';

/** The most addresses of a name that are tried, and the milliseconds for each. */
const MOST_ADDRESSES = 4;
const ADDRESS_TIME = 5_000;
const HTTPS = 443;

export interface StackWayOptions {
  /** Recursive name servers of the command line; empty: those that DHCP and routers announce. */
  readonly nameServers: readonly string[];
  readonly random: Random;
  /** Certificates in PEM that servers are trusted by, beside Node's roots. */
  readonly roots: string | undefined;
}

export class StackWay {
  readonly resolver: Resolver;
  readonly #network: DirectNetwork;
  readonly #options: StackWayOptions;
  #client: Promise<TlsClient> | undefined;

  constructor(network: DirectNetwork, options: StackWayOptions) {
    const { nameServers, random } = options;
    this.#network = network;
    this.#options = options;
    this.resolver = new Resolver({
      datagrams: network.datagrams,
      connect: (address, port) => network.connect(address, port),
      clock: network.clock,
      random,
      servers: () => (nameServers.length > 0 ? nameServers : network.nameServers),
    });
  }

  readonly fetch: Fetch = async ({ method, url, fields, body }: FetchRequest) => {
    const { hostname, port, host, pathname, search } = new URL(url);
    const name = hostname.replace(/^\[|\]$/g, '');
    let stream: Duplex;
    try {
      stream = await this.#secured(name, port === '' ? HTTPS : Number(port));
    } catch (error) {
      if (!isExpected(error)) throw error;
      throw unreachable(url, reasonOf(error));
    }
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { ...fields, host, ...length };
    const sent = request({ method, path: `${pathname}${search}`, headers, createConnection: () => stream });
    return finish(sent, body, (why) => unreachable(url, why));
  };

  /** A connection to `host`, a name or an address. Rejects with a `LookupError` or a `ConnectError`. */
  async connect(host: string, port: number): Promise<Flow> {
    if (isIP(host) === 0) await this.#nameServersKnown();
    const addresses = isIP(host) === 0 ? (await this.resolver.addresses(host)).map(formatIp) : [host];
    let last: unknown;
    for (const address of addresses.slice(0, MOST_ADDRESSES)) {
      try {
        return await this.#inTime(address, port);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** After the start one of DHCP and routers may have told its name servers later than the other gave an address. */
  async #nameServersKnown(): Promise<void> {
    const network = this.#network;
    if (this.#options.nameServers.length > 0) return;
    await waitFor(() => network.nameServers.length > 0, network.clock, ADDRESS_TIME);
  }

  /** The stack would retry for minutes; the next address may answer at once. */
  #inTime(address: string, port: number): Promise<Flow> {
    const { clock } = this.#network;
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = clock.schedule(ADDRESS_TIME, () => {
        late = true;
        reject(new ConnectError('timed-out', address, port));
      });
      this.#network.connect(address, port).then(
        (flow) => {
          timer.cancel();
          if (late) flow.reset();
          else resolve(flow);
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  async #secured(host: string, port: number): Promise<Duplex> {
    this.#client ??= this.#makeClient();
    const client = await this.#client;
    const flow = await this.connect(host, port);
    return new Promise((resolve, reject) => {
      client.connect(flow, {
        serverName: host,
        protocols: ['http/1.1'],
        established: (secured) => resolve(streamOf(secured)),
        failed: (_why, message) => reject(new AcmeError('unreachable', message)),
      });
    });
  }

  async #makeClient(): Promise<TlsClient> {
    return new TlsClient({
      primitives: await choosePrimitives(() => undefined),
      random: pooledRandom(),
      clock: this.#network.clock,
      roots: new Roots([...rootCertificates, ...blocksOf(this.#options.roots ?? extraRoots())]),
      limits: { handshakeTime: PATIENCE },
    });
  }
}

/** A flow as a stream of Node's. */
export function streamOf(flow: Flow): Duplex {
  const stream = new FlowDuplex(flow);
  const handler: FlowHandler = {
    data: (_flow, bytes, start, end) => stream.arrived(bytes, start, end),
    ended: () => stream.ended(),
    drained: () => stream.drained(),
    closed: () => stream.gone(),
  };
  flow.handler = handler;
  return stream;
}

/** As Node takes them for its own TLS. */
function extraRoots(): string {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  try {
    return file === undefined ? '' : readFileSync(file, 'utf8');
  } catch (error) {
    // Node reports an unreadable file, and continues without it.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}

function blocksOf(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function isExpected(error: unknown): error is Error {
  return error instanceof LookupError || error instanceof ConnectError || error instanceof AcmeError;
}

/** For people: why there is no connection. */
export function reasonOf(error: Error): string {
  if (error instanceof LookupError && error.code === 'no-servers')
    return 'neither DHCP nor a router tells of a name server; give one with --dns';
  return error.message;
}
