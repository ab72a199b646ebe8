/** The name server beside a site: answers made of zones, over UDP and TCP. */
import { type AnsweredZone, compileZone } from '../../dns/answer/compile.js';
import { DnsServer } from '../../dns/serve/server.js';
import { sameBytes } from '../../dns/wire/name.js';
import type { Zone } from '../../dns/zone/zone.js';
import type { Datagrams } from '../../net/datagrams.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import type { Endpoint, Network } from '../../net/flow.js';
import { placeText } from '../../net/wire/address.js';
import type { DnsArguments } from '../options/dns.js';
import { readCookieSecrets, readTsigKeys, secondariesOf } from './dns-keys.js';
import { NodeCrypto } from './node-crypto.js';

/** One of several processes that answer at one address. */
export interface Share {
  readonly count: number;
  /** It speaks for all: with secondaries, when there is a new version. */
  readonly leads: boolean;
}

const ALONE: Share = { count: 1, leads: true };

export class NameServer {
  private readonly server: DnsServer;
  private answered: readonly AnsweredZone[] = [];
  private listening: Promise<Endpoint> | undefined;

  /** `secret`: of cookies, 16 bytes, unless `options` has a file of them. Throws a `UserError`. */
  constructor(
    private readonly options: DnsArguments,
    private readonly network: Network,
    secret?: Uint8Array,
    { count, leads }: Share = ALONE,
  ) {
    const keys = options.keys === undefined ? [] : readTsigKeys(options.keys);
    const { cookies, rate } = options;
    this.server = new DnsServer({
      zones: [],
      crypto: new NodeCrypto(),
      keys,
      secondaries: leads ? secondariesOf(options.secondaries, keys) : [],
      clock: network.clock,
      random: new CryptoRandom(),
      cookieSecrets: cookies === undefined ? secret && [secret] : readCookieSecrets(cookies),
      rate,
      share: 1 / count,
      identity: options.identity,
      version: 'sitekernel',
    });
  }

  /** Answers come from these zones from now on. One that is as it was costs nothing. */
  replace(zones: readonly Zone[]): void {
    this.answered = zones.map((zone) => this.answered.find((one) => isSame(one.zone, zone)) ?? compileZone(zone));
    this.server.replace(this.answered);
  }

  /** Opens its ports, and answers. */
  listen(datagrams: Datagrams): void {
    this.listening = this.server.open(datagrams, this.network, this.options.port);
    this.listening.catch(() => undefined);
  }

  /** After `listen`: where it serves, for people. Rejects with a `UserError`. */
  async where(): Promise<string> {
    const { address, port } = await this.listening!;
    return placeText(address, port);
  }

  counters(): Readonly<Record<string, number>> {
    return this.server.counters();
  }

  close(): void {
    this.server.close();
  }
}

/** Every version of a zone has a serial of its own. */
function isSame(a: Zone, b: Zone): boolean {
  return a === b || (a.serial === b.serial && sameBytes(a.apex, b.apex));
}
