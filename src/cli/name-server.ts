/** The name server beside the site: its zones are read when it starts, and again when the site is. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type AnsweredZone, compileZone } from '../dns/answer/compile.js';
import { DnsServer } from '../dns/serve/server.js';
import { nameText, sameBytes } from '../dns/wire/name.js';
import { loadZone, selfAddresses, usesSelf, zoneOf, zoneSummary } from '../dns/zone/load.js';
import { isNewer } from '../dns/zone/zone.js';
import type { Datagrams } from '../net/datagrams.js';
import { CryptoRandom } from '../net/direct/random.js';
import type { Network, Timer } from '../net/flow.js';
import { parseIp } from '../net/ip-text.js';
import type { DnsArguments } from './dns-arguments.js';
import { readTsigKeys, secondariesOf } from './dns-keys.js';
import { Failure } from './failure.js';
import type { Log } from './log.js';
import { NodeCrypto } from './node-crypto.js';
import { onReload } from './signals.js';
import { readGoodZone, readZoneBytes } from './zone-files.js';

/** Milliseconds between looks whether the address has changed, and after a file's last change until it is read. */
const ADDRESS_INTERVAL = 1000;
const SETTLED = 100;

interface Served {
  readonly file: string;
  bytes: Uint8Array;
  answered: AnsweredZone;
}

export class NameServer {
  private readonly server: DnsServer;
  private readonly served: Served[];
  private address: string | undefined;
  private readonly watchers: FSWatcher[] = [];
  private settling: NodeJS.Timeout | undefined;
  private looking: Timer | undefined;
  private closed = false;

  /** `network`: its TCP, its clock and its address. Throws a `Failure` when a zone cannot be served. */
  constructor(
    private readonly options: DnsArguments,
    private readonly network: Network,
    private readonly log: Log,
  ) {
    this.address = network.address;
    this.served = options.zones.map((file) => this.load(file));
    this.refuseTwice(this.served);
    const keys = options.keys === undefined ? [] : readTsigKeys(options.keys);
    this.server = new DnsServer({
      crypto: new NodeCrypto(),
      keys,
      secondaries: secondariesOf(options.secondaries, keys),
      zones: this.served.map(({ answered }) => answered),
      clock: network.clock,
      random: new CryptoRandom(),
      rate: options.rate,
      identity: options.identity,
      version: 'sitekernel',
    });
  }

  /** Serves, and reads the zones again at SIGHUP, with `watch` also when a file changes. Returns where it serves, for people. */
  async open(datagrams: Datagrams, watchFiles: boolean): Promise<string> {
    const { address, port } = await this.server.open(datagrams, this.network, this.options.port);
    onReload(() => this.reload());
    if (watchFiles) this.watch();
    this.lookForAddress();
    for (const { answered } of this.served) this.log.event('net', `serving ${zoneSummary(answered.zone)}`);
    return `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  counters(): Readonly<Record<string, number>> {
    return this.server.counters();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.settling);
    this.looking?.cancel();
    for (const watcher of this.watchers) watcher.close();
    this.server.close();
  }

  private load(file: string): Served {
    const zone = readGoodZone(file, (message) => this.log.warn(message));
    return { file, bytes: readZoneBytes(file), answered: compileZone(zoneOf(zone, this.self())) };
  }

  private self(): ReturnType<typeof selfAddresses> {
    const bytes = this.address === undefined ? undefined : parseIp(this.address.split('%')[0]!);
    // An address that stands for all of them is none that a client could use.
    const usable = bytes?.some((byte) => byte !== 0) === true;
    return selfAddresses(usable ? [bytes!] : []);
  }

  private refuseTwice(served: readonly Served[]): void {
    for (const [i, { file, answered }] of served.entries()) {
      const other = served.slice(0, i).find((one) => sameBytes(one.answered.zone.apex, answered.zone.apex));
      if (other === undefined) continue;
      throw new Failure(`${other.file} and ${file} are both about ${nameText(answered.zone.apex)}; leave one out`);
    }
  }

  /** Reads every file again. What cannot be served is told, and the version that was served stays. */
  private reload(): void {
    if (this.closed) return;
    let changed = false;
    for (const [i, old] of this.served.entries()) {
      try {
        const next = this.load(old.file);
        if (sameBytes(next.bytes, old.bytes)) continue;
        this.mustGrow(old, next);
        this.served[i] = next;
        changed = true;
        this.log.event('net', `now serving ${zoneSummary(next.answered.zone)}`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        this.log.warn(`${error.message}; the version that was served stays`);
      }
    }
    if (changed) this.server.replace(this.served.map(({ answered }) => answered));
  }

  /** RFC 1982: secondaries take only what has a newer serial, and keep the old version otherwise. */
  private mustGrow(old: Served, next: Served): void {
    const { zone } = next.answered;
    const { serial, apex } = old.answered.zone;
    if (!sameBytes(zone.apex, apex))
      throw new Failure(
        `${next.file} is about ${nameText(zone.apex)} now, and was about ${nameText(apex)}; start again for another zone`,
      );
    if (!isNewer(zone.serial, serial))
      throw new Failure(
        `${next.file} has changed, and its serial ${zone.serial} is not newer than ${serial}; raise it`,
      );
  }

  private watch(): void {
    for (const folder of new Set(this.options.zones.map((file) => dirname(file)))) {
      const names = this.options.zones.filter((file) => dirname(file) === folder).map((file) => basename(file));
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && !names.includes(name)) return;
        clearTimeout(this.settling);
        this.settling = setTimeout(() => this.reload(), SETTLED);
      });
      watcher.on('error', (error) => this.log.warn(`${folder} is not watched any more: ${error.message}`));
      this.watchers.push(watcher);
    }
  }

  /** With DHCP the address of `@SELF` may change. */
  private lookForAddress(): void {
    this.looking = this.network.clock.schedule(ADDRESS_INTERVAL, () => {
      if (this.closed) return;
      if (this.network.address !== this.address) this.addressChanged();
      this.lookForAddress();
    });
  }

  private addressChanged(): void {
    this.address = this.network.address;
    let changed = false;
    for (const one of this.served) {
      const loaded = loadZone(one.bytes, one.file);
      if (!usesSelf(loaded)) continue;
      one.answered = compileZone(zoneOf(loaded, this.self(), (one.answered.zone.serial + 1) >>> 0));
      changed = true;
    }
    if (changed) this.server.replace(this.served.map(({ answered }) => answered));
  }
}
