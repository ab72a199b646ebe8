/** The name server beside the site: its zones are read when it starts, and again whenever the site is. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { type AnsweredZone, compileZone } from '../../dns/answer/compile.js';
import { LIFETIME, REFRESH, signZone } from '../../dns/dnssec/sign.js';
import { DnsServer } from '../../dns/serve/server.js';
import { TYPE } from '../../dns/wire/constants.js';
import { isWithin, lowerName, nameText, parseName, sameBytes } from '../../dns/wire/name.js';
import {
  type LoadedZone,
  type Self,
  type SelfFacts,
  selfOf,
  usesSelf,
  zoneOf,
  zoneSummary,
} from '../../dns/zone/load.js';
import { cutOf, type Data, isNewer, serialOf, soaOf, type Zone } from '../../dns/zone/zone.js';
import { UserError } from '../../errors/user-error.js';
import type { Datagrams } from '../../net/datagrams.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import type { Endpoint, Network, Timer } from '../../net/flow.js';
import { parseIp } from '../../net/ip-text.js';
import type { ZoneHolder } from '../certificates/proofs.js';
import type { Log } from '../log.js';
import type { DnsArguments } from '../options/dns.js';
import { onReload } from '../signals.js';
import { readCookieSecrets, readTsigKeys, secondariesOf } from './dns-keys.js';
import { NodeCrypto } from './node-crypto.js';
import { readGoodZone } from './zone-files.js';
import { ZoneState } from './zone-keys.js';

/** Milliseconds between checks for a new address or old signatures, and from a file's last change until it is read. */
const LOOK_INTERVAL = 1000;
const SETTLED = 100;
/** Seconds that proofs for a certificate authority may be cached. */
const PROOF_TTL = 60;

interface Served {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly loaded: LoadedZone;
  readonly answered: AnsweredZone;
  /** Seconds since 1970. */
  readonly signedAt: number;
}

/** Reads and checks every zone file, and the keys, before anything is served. Throws a `UserError`. */
export function checkZoneFiles(options: DnsArguments): void {
  const read = options.zones.map((file) => ({ file, apex: readGoodZone(file, () => undefined).loaded.apex! }));
  for (const [i, { file, apex }] of read.entries()) {
    const other = read.slice(0, i).find((one) => sameBytes(one.apex, apex));
    if (other !== undefined)
      throw new UserError(`${other.file} and ${file} are both about ${nameText(apex)}; leave one out`);
  }
  secondariesOf(options.secondaries, options.keys === undefined ? [] : readTsigKeys(options.keys));
  if (options.cookies !== undefined) readCookieSecrets(options.cookies);
}

export class NameServer implements ZoneHolder {
  private readonly crypto = new NodeCrypto();
  private readonly server: DnsServer;
  private served: readonly Served[] = [];
  private address: string | undefined;
  private listening: Promise<Endpoint> | undefined;
  private readonly watchers: FSWatcher[] = [];
  private settling: NodeJS.Timeout | undefined;
  private looking: Timer | undefined;
  /** Changes of the zones run one after the other. */
  private changing: Promise<void> = Promise.resolve();
  private stopReloading: () => void = () => undefined;
  private closed = false;
  /** Records beside those of the files. */
  private presented: Data[] = [];

  /**
   * `network`: its TCP, its clock and its address. `state`: the folder of keys. `facts`: facts about the server beside
   * its address. `secret`: of cookies, unless `options` has a file of them.
   */
  constructor(
    private readonly options: DnsArguments,
    private readonly network: Network,
    private readonly state: string,
    private readonly log: Log,
    secret?: Uint8Array,
    private readonly facts: Omit<SelfFacts, 'addresses'> = {},
  ) {
    this.address = network.address;
    const keys = options.keys === undefined ? [] : readTsigKeys(options.keys);
    const { cookies } = options;
    this.server = new DnsServer({
      zones: [],
      crypto: this.crypto,
      keys,
      secondaries: secondariesOf(options.secondaries, keys),
      clock: network.clock,
      random: new CryptoRandom(),
      cookieSecrets: cookies === undefined ? secret && [secret] : readCookieSecrets(cookies),
      rate: options.rate,
      identity: options.identity,
      version: 'sitekernel',
    });
  }

  /** Reads the zones and makes their answers. `address`: ours, as far as it is known. Rejects with a `UserError`. */
  async prepare(address: string | undefined): Promise<void> {
    this.address = address;
    this.served = await Promise.all(this.options.zones.map((file) => this.read(file)));
    this.server.replace(this.served.map(({ answered }) => answered));
  }

  /** Opens its ports, and answers; `open` returns where. */
  listen(datagrams: Datagrams): void {
    this.listening = this.server.open(datagrams, this.network, this.options.port);
    this.listening.catch(() => undefined);
  }

  /**
   * Called when there is traffic: answers depend on the address from now on. Zones are read again at SIGHUP, and with
   * `watchFiles` also when a file changes. Returns where it serves, for people. Rejects with a `UserError`.
   */
  async open(watchFiles: boolean): Promise<string> {
    // Without an address no client can send a query.
    if (this.network.address !== undefined) await this.refresh();
    const { address, port } = await this.listening!;
    this.stopReloading = onReload(() => this.reload());
    if (watchFiles) this.watch();
    this.look();
    for (const { answered } of this.served) this.log.event('net', `serving ${zoneSummary(answered.zone)}`);
    return `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  counters(): Readonly<Record<string, number>> {
    return this.server.counters();
  }

  close(): void {
    this.closed = true;
    this.stopReloading();
    clearTimeout(this.settling);
    this.looking?.cancel();
    for (const watcher of this.watchers) watcher.close();
    this.server.close();
  }

  private get seconds(): number {
    return Math.floor(this.network.clock.wallClock() / 1000);
  }

  private async read(file: string, old?: Served): Promise<Served> {
    const { bytes, loaded } = readGoodZone(file, (message) => this.log.warn(message));
    return old !== undefined && sameBytes(bytes, old.bytes) ? old : this.make(file, bytes, loaded, old);
  }

  /** The zone of a file, with the records that depend on the time and the address. `old`: the zone that it replaces. */
  private async make(file: string, bytes: Uint8Array, loaded: LoadedZone, old?: Served): Promise<Served> {
    const zone = zoneOf(loaded, this.self(), undefined, this.presented);
    if (old !== undefined && !sameBytes(zone.apex, old.answered.zone.apex)) {
      const [now, before] = [nameText(zone.apex), nameText(old.answered.zone.apex)];
      throw new UserError(`${file} is about ${now} now, and was about ${before}; start again for another zone`);
    }
    const signedAt = this.seconds;
    if (!this.options.dnssec)
      return { file, bytes, loaded, answered: compileZone(this.unsigned(file, loaded, zone, old)), signedAt };
    // A signed zone changes each time that it is signed, and has its own serial.
    const state = new ZoneState(this.state, zone.apex);
    const signer = state.signer();
    const next = zoneOf(loaded, this.self(), state.nextSerial(zone.serial), this.presented);
    return {
      file,
      bytes,
      loaded,
      answered: compileZone(await signZone(next, signer, this.crypto, signedAt, pause)),
      signedAt,
    };
  }

  /** RFC 1982: secondaries take only what has a newer serial, and keep the old version otherwise. */
  private unsigned(file: string, loaded: LoadedZone, zone: Zone, old: Served | undefined): Zone {
    const state = new ZoneState(this.state, zone.apex);
    const served = old?.answered.zone.serial ?? state.lastSerial;
    if (served === undefined || served === zone.serial ? old === undefined : isNewer(zone.serial, served)) return zone;
    if (old !== undefined && loaded !== old.loaded) {
      const before = serialOf(soaOf(zoneOf(old.loaded, new Map())).data[0]!);
      if (!isNewer(zone.serial, before))
        throw new UserError(`${file} has changed, and its serial ${zone.serial} is not newer than ${before}; raise it`);
    }
    // The address or a proof changed, now or earlier: the serial is not the file's, so it is stored for the next
    // program.
    const serial = ((served ?? zone.serial) + 1) >>> 0;
    try {
      state.rememberSerial(serial);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.log.warn(`${error.message}; secondaries may keep an old version after the next start`);
    }
    return zoneOf(loaded, this.self(), serial, this.presented);
  }

  private self(): Self {
    const bytes = this.address === undefined ? undefined : parseIp(this.address.split('%')[0]!);
    // A client cannot use a wildcard address.
    const usable = bytes?.some((byte) => byte !== 0) === true;
    return selfOf({ addresses: usable ? [bytes!] : [], ...this.facts });
  }

  /** Whether one of the zones has `name`, in text with a dot at the end, itself: not below a delegation. */
  holds(name: string): boolean {
    const lower = lowerName(parseName(name, undefined));
    return this.served.some(({ answered: { zone } }) => {
      return isWithin(lower, zone.apex) && cutOf(zone.nodes, zone.apex, lower) === undefined;
    });
  }

  /**
   * Serves TXT records beside those of the zones until the function that it resolves with is called: proofs of control
   * of the name, for a certificate authority (RFC 8555 8.4). `name`: in text, with a dot at the end. Rejects with a
   * `UserError` when no zone has the name.
   */
  async present(name: string, texts: readonly string[]): Promise<() => Promise<void>> {
    const owner = parseName(name, undefined);
    const lower = lowerName(owner);
    const within = (one: Served): boolean => isWithin(lower, one.answered.zone.apex);
    if (!this.served.some(within)) throw new UserError(`${name} is in none of the zones; serve its zone with --zone`);
    const records = texts.map((text): Data => {
      const bytes = new TextEncoder().encode(text).subarray(0, 255);
      return { owner, type: TYPE.TXT, ttl: PROOF_TTL, data: Uint8Array.of(bytes.length, ...bytes) };
    });
    const apply = (): Promise<void> =>
      this.change(async (one) => (within(one) ? this.make(one.file, one.bytes, one.loaded, one) : one));
    this.presented.push(...records);
    await apply();
    return () => {
      this.presented = this.presented.filter((one) => !records.includes(one));
      return apply();
    };
  }

  /** Reads every file again. A zone that cannot be served is reported, and the earlier version stays. */
  private reload(): void {
    this.change((old) => this.read(old.file, old)).catch((error: unknown) => this.log.faulted(error));
  }

  /** `make` returns the zone to serve instead of a zone, or the same one. */
  private change(make: (old: Served) => Promise<Served>): Promise<void> {
    // A mistake in an earlier change was reported there.
    const before = this.changing.catch(() => undefined);
    this.changing = before.then(async () => {
      const next: Served[] = [];
      for (const old of this.served) {
        try {
          next.push(await make(old));
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          this.log.warn(`${error.message}; the version that was served stays`);
          next.push(old);
        }
      }
      if (this.closed) return;
      for (const [i, { answered }] of next.entries()) {
        if (answered !== this.served[i]!.answered) this.log.event('net', `now serving ${zoneSummary(answered.zone)}`);
      }
      this.served = next;
      this.server.replace(next.map(({ answered }) => answered));
    });
    return this.changing;
  }

  private watch(): void {
    const { zones } = this.options;
    for (const folder of new Set(zones.map((file) => dirname(file)))) {
      const names = zones.filter((file) => dirname(file) === folder).map((file) => basename(file));
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && !names.includes(name)) return;
        clearTimeout(this.settling);
        this.settling = setTimeout(() => this.reload(), SETTLED);
      });
      watcher.on('error', (error) => this.log.warn(`${folder} is not watched any more: ${error.message}`));
      this.watchers.push(watcher);
    }
  }

  /** With DHCP the address of `@SELF` may change; signatures grow old. */
  private look(): void {
    this.looking = this.network.clock.schedule(LOOK_INTERVAL, () => {
      if (this.closed) return;
      this.refresh().catch((error: unknown) => this.log.faulted(error));
      this.look();
    });
  }

  /** Renews zones that depend on a changed address, and zones with old signatures. */
  private async refresh(): Promise<void> {
    const moved = this.network.address !== this.address;
    this.address = this.network.address;
    const old = (one: Served): boolean => this.options.dnssec && this.seconds - one.signedAt >= LIFETIME - REFRESH;
    const stale = (one: Served): boolean => old(one) || (moved && usesSelf(one.loaded));
    if (this.served.some(stale))
      await this.change(async (one) => (stale(one) ? this.make(one.file, one.bytes, one.loaded, one) : one));
  }
}
