/** An authoritative name server: zones, answered over UDP and TCP. */
import type { DatagramPort, Datagrams } from '../../net/datagrams.js';
import type { Clock, Endpoint, Listener, Network } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import { Catalog } from '../answer/catalog.js';
import type { AnsweredZone } from '../answer/compile.js';
import type { DnsCrypto } from '../crypto.js';
import { CLASS, TYPE, UDP_MAX } from '../wire/constants.js';
import { nameKey, sameBytes } from '../wire/name.js';
import { Query, VERDICT } from '../wire/query.js';
import { Cookies } from './cookies.js';
import { Notifier, type Secondary } from './notify.js';
import { RateLimit } from './rate-limit.js';
import { Responder } from './respond.js';
import { DnsStats } from './stats.js';
import { DEFAULT_TCP_LIMITS, type LongAnswer, type TcpLimits, TcpSide } from './tcp.js';
import { Transfer } from './transfer.js';
import { Tsig, type TsigKey } from './tsig.js';
import { History } from './versions.js';

export interface DnsServerOptions {
  readonly zones: readonly AnsweredZone[];
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: DnsCrypto;
  /** Keys of secondaries, which may have whole zones. */
  readonly keys?: readonly TsigKey[] | undefined;
  /** They are notified of new versions. */
  readonly secondaries?: readonly Secondary[] | undefined;
  /** Of 16 bytes each, shared by the servers of one address; none: one is drawn. */
  readonly cookieSecrets?: readonly Uint8Array[] | undefined;
  /** Answers a second to one network over UDP; 0: no bound. Default 200. */
  readonly rate?: number | undefined;
  /** The part of that rate that is this server's, above 0, at most 1; the rest is that of others at its address. */
  readonly share?: number | undefined;
  /** What `id.server` and NSID say. */
  readonly identity?: string | undefined;
  readonly version?: string | undefined;
  readonly tcp?: Partial<TcpLimits> | undefined;
}

const DEFAULT_RATE = 200;
/** Ports that are tried when the network chooses: that of UDP may be in use over TCP. */
const TRIES = 16;

export class DnsServer {
  readonly stats = new DnsStats();
  private catalog: Catalog;
  private readonly responder: Responder;
  private readonly tcp: TcpSide;
  private readonly clock: Clock;
  private readonly out = new Uint8Array(UDP_MAX);
  private port: DatagramPort | undefined;
  private listener: Listener | undefined;
  private readonly tsig: Tsig;
  private readonly notifier: Notifier;
  private readonly histories = new Map<string, History>();
  /** Of its own: transfers are looked for before the answer is made. */
  private readonly query = new Query();

  constructor(options: DnsServerOptions) {
    const { clock, random, rate = DEFAULT_RATE, share = 1 } = options;
    this.clock = clock;
    this.catalog = new Catalog(options.zones);
    const seconds = (): number => Math.floor(clock.wallClock() / 1000);
    this.tsig = new Tsig(options.crypto, options.keys ?? [], seconds);
    this.notifier = new Notifier(options.secondaries ?? [], clock, random, this.tsig, this.stats);
    this.responder = new Responder({
      tsig: this.tsig,
      catalog: () => this.catalog,
      cookies: new Cookies(options.cookieSecrets ?? [drawn(random)]),
      rateLimit: rate === 0 ? undefined : new RateLimit(rate * share, random),
      identity: options.identity === undefined ? undefined : characterString(options.identity),
      version: options.version === undefined ? undefined : characterString(options.version),
      seconds,
      stats: this.stats,
    });
    const limits = { ...DEFAULT_TCP_LIMITS, ...options.tcp };
    this.tcp = new TcpSide(this.responder, clock, this.stats, limits, (bytes, start, end) =>
      this.beginTransfer(bytes, start, end),
    );
  }

  get zones(): readonly AnsweredZone[] {
    return this.catalog.zones;
  }

  /** Queries from now on are answered out of these. */
  replace(zones: readonly AnsweredZone[]): void {
    for (const { zone } of zones) {
      const old = this.catalog.zones.find((one) => sameBytes(one.zone.apex, zone.apex))?.zone;
      if (old === undefined || old.serial === zone.serial) continue;
      const key = nameKey(zone.apex);
      const history = this.histories.get(key) ?? new History();
      this.histories.set(key, history);
      history.grew(old, zone);
      this.notifier.tell(zone);
    }
    this.catalog = new Catalog(zones);
  }

  /** Serves at a port; 0: one that is free for both. Rejects with an `Error` for people. */
  async open(datagrams: Datagrams, network: Pick<Network, 'listen'>, port: number): Promise<Endpoint> {
    for (let tries = 1; ; tries++) {
      const bound = await datagrams.bind(port, (from, datagram) => {
        const length = this.responder.udp(datagram, this.out, this.clock.now());
        if (length > 0) from.send(this.out, 0, length, datagram.source, datagram.local);
      });
      try {
        this.listener = await network.listen(bound.endpoint.port, this.tcp.accept);
        this.port = bound;
        await this.notifier.open(datagrams);
        for (const { zone } of this.zones) this.notifier.tell(zone);
        return bound.endpoint;
      } catch (error) {
        bound.close();
        if (port !== 0 || tries === TRIES) throw error;
      }
    }
  }

  /** No new queries over UDP and no new connections; those that are open end after what was asked. */
  close(): void {
    this.notifier.close();
    this.port?.close();
    this.listener?.close();
    this.tcp.drain();
  }

  /** A transfer, if the query asks for one and has a key; else it is answered as any other. */
  private beginTransfer(bytes: Uint8Array, start: number, end: number): LongAnswer | undefined {
    const { query } = this;
    if (query.read(bytes, start, end) !== VERDICT.answer || query.tsigAt === 0 || query.class !== CLASS.in)
      return undefined;
    const incremental = query.type === TYPE.IXFR && query.ixfrSerial >= 0;
    if (query.type !== TYPE.AXFR && !incremental) return undefined;
    const zone = this.catalog.zoneOf(query)?.zone;
    const session = zone === undefined ? undefined : this.tsig.verify(query);
    if (zone === undefined || session?.good !== true) return undefined;
    this.stats.transfers += 1;
    return new Transfer(query, zone, this.histories.get(nameKey(zone.apex)), incremental, session);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.stats, tcpOpen: this.tcp.open, zones: this.catalog.zones.length };
  }
}

function drawn(random: Random): Uint8Array {
  return new Uint8Array(Int32Array.from({ length: 4 }, () => random.random32()).buffer);
}

/** RFC 1035 3.3: 255 bytes at most. */
function characterString(text: string): Uint8Array {
  return new TextEncoder().encode(text).subarray(0, 255);
}
