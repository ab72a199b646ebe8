/** The zones as this server serves them: read when it starts, and again whenever the site is; signed; with `@SELF`. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { InTurn } from '../../control/in-turn.js';
import { LIFETIME, REFRESH, signZone } from '../../dns/dnssec/sign.js';
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
import type { Clock, Timer } from '../../net/flow.js';
import { parseIp } from '../../net/ip-text.js';
import type { ZoneHolder } from '../certificates/proofs.js';
import type { Log } from '../log.js';
import type { DnsArguments } from '../options/dns.js';
import { onReload } from '../signals.js';
import { NodeCrypto } from './node-crypto.js';
import { placeholders, proofRecord } from './proof-records.js';
import { readGoodZone } from './zone-files.js';
import { ZoneState } from './zone-keys.js';

/** Milliseconds between checks for a new address or old signatures, and from a file's last change until it is read. */
const LOOK_INTERVAL = 1000;
const SETTLED = 100;
const NO_CAA: readonly Uint8Array[] = [];

interface Kept {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly loaded: LoadedZone;
  readonly zone: Zone;
  /** Seconds since 1970. */
  readonly signedAt: number;
}

/** What the zones depend on beside their files. */
export interface ZonePlace {
  readonly clock: Clock;
  /** The addresses that the site is served at, at present. */
  readonly addresses: () => readonly string[];
  /** The data of CAA records at present; missing: none. */
  readonly caa?: (() => readonly Uint8Array[]) | undefined;
  /** Names at which proofs may be shown, in text with a dot at the end. */
  readonly proofs?: readonly string[] | undefined;
}

export class ZoneKeeper implements ZoneHolder {
  /** Gets all zones whenever one of them has changed; a change is complete when it has resolved. */
  publish: (zones: readonly Zone[]) => void | Promise<void> = () => undefined;
  /** Resolves when secondaries have this zone, too, or are given up. */
  spread: (zone: Zone) => Promise<void> = async () => undefined;
  private readonly crypto = new NodeCrypto();
  private kept: readonly Kept[] = [];
  private addresses: readonly string[] = [];
  private caa: readonly Uint8Array[] = NO_CAA;
  private readonly watchers: FSWatcher[] = [];
  private settling: NodeJS.Timeout | undefined;
  private looking: Timer | undefined;
  private readonly changes = new InTurn();
  private stopReloading: () => void = () => undefined;
  private closed = false;
  /** Records beside those of the files. */
  private presented: Data[] = [];

  /** `state`: the folder of keys. `facts`: facts about the server beside its addresses. */
  constructor(
    private readonly options: DnsArguments,
    private readonly place: ZonePlace,
    private readonly state: string,
    private readonly log: Log,
    private readonly facts: Omit<SelfFacts, 'addresses'> = {},
  ) {}

  /** Reads the zones. `addresses`: ours, as far as they are known. Rejects with a `UserError`. */
  async prepare(addresses: readonly string[]): Promise<void> {
    this.addresses = addresses;
    this.caa = this.place.caa?.() ?? NO_CAA;
    this.kept = await Promise.all(this.options.zones.map((file) => this.read(file)));
  }

  get zones(): readonly Zone[] {
    return this.kept.map(({ zone }) => zone);
  }

  /** The zones as they are for the addresses of now, when changes that have begun are complete. */
  async current(): Promise<readonly Zone[]> {
    await this.refresh();
    await this.changes.through();
    return this.zones;
  }

  /**
   * Called when there is traffic: zones depend on the addresses from now on. They are read again at SIGHUP, and with
   * `watchFiles` also when a file changes.
   */
  async open(watchFiles: boolean): Promise<void> {
    // Without an address no client can send a query.
    if (this.place.addresses().length > 0) await this.refresh();
    this.stopReloading = onReload(() => this.reload());
    if (watchFiles) this.watch();
    this.look();
    for (const zone of this.zones) this.log.event('net', `serving ${zoneSummary(zone)}`);
  }

  close(): void {
    this.closed = true;
    this.stopReloading();
    clearTimeout(this.settling);
    this.looking?.cancel();
    for (const watcher of this.watchers) watcher.close();
  }

  private get seconds(): number {
    return Math.floor(this.place.clock.wallClock() / 1000);
  }

  private async read(file: string, old?: Kept): Promise<Kept> {
    const { bytes, loaded } = readGoodZone(file, (message) => this.log.warn(message));
    return old !== undefined && sameBytes(bytes, old.bytes) ? old : this.make(file, bytes, loaded, old);
  }

  /**
   * The zone of a file, with the records that depend on the time and the address. `old`: the zone that it replaces.
   * `anySerial`: also by one that is not newer.
   */
  private async make(
    file: string,
    bytes: Uint8Array,
    loaded: LoadedZone,
    old?: Kept,
    anySerial = false,
  ): Promise<Kept> {
    const zone = zoneOf(loaded, this.self(), undefined, this.presented);
    if (old !== undefined && !sameBytes(zone.apex, old.zone.apex)) {
      const [now, before] = [nameText(zone.apex), nameText(old.zone.apex)];
      throw new UserError(`${file} is about ${now} now, and was about ${before}; start again for another zone`);
    }
    const signedAt = this.seconds;
    if (!this.options.dnssec)
      return { file, bytes, loaded, zone: this.unsigned(file, loaded, zone, old, anySerial), signedAt };
    // A signed zone changes each time that it is signed, and has its own serial.
    const state = new ZoneState(this.state, zone.apex);
    const signer = state.signer();
    const beside = [...this.presented, ...placeholders(zone, this.place.proofs)];
    const next = zoneOf(loaded, this.self(), state.nextSerial(zone.serial), beside);
    return { file, bytes, loaded, zone: await signZone(next, signer, this.crypto, signedAt, pause), signedAt };
  }

  /** RFC 1982: secondaries take only what has a newer serial, and keep the old version otherwise. */
  private unsigned(file: string, loaded: LoadedZone, zone: Zone, old: Kept | undefined, anySerial: boolean): Zone {
    const state = new ZoneState(this.state, zone.apex);
    const served = old?.zone.serial ?? state.lastSerial;
    if (served === undefined || served === zone.serial ? old === undefined : isNewer(zone.serial, served)) return zone;
    if (old !== undefined && loaded !== old.loaded && !anySerial) {
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
    const addresses = this.addresses.map((one) => parseIp(one.split('%')[0]!)).filter((one) => one !== undefined);
    return selfOf({ addresses: addresses.filter(isUsable), caa: this.caa, ...this.facts });
  }

  /** Whether one of the zones has `name`, in text with a dot at the end, itself: not below a delegation. */
  holds(name: string): boolean {
    const lower = lowerName(parseName(name, undefined));
    return this.kept.some(({ zone }) => {
      return isWithin(lower, zone.apex) && cutOf(zone.nodes, zone.apex, lower) === undefined;
    });
  }

  /**
   * Serves TXT records beside those of the zones until the function that it resolves with is called: proofs of control
   * of the name, for a certificate authority (RFC 8555 8.4). `name`: in text, with a dot at the end. Rejects with a
   * `UserError` when no zone has the name.
   */
  async present(name: string, texts: readonly string[]): Promise<() => Promise<void>> {
    const lower = lowerName(parseName(name, undefined));
    const within = (one: Kept): boolean => isWithin(lower, one.zone.apex);
    if (!this.kept.some(within)) throw new UserError(`${name} is in none of the zones; serve its zone with --zone`);
    const records = texts.map((text) => proofRecord(name, text));
    const apply = (): Promise<void> =>
      this.change(async (one) => (within(one) ? this.make(one.file, one.bytes, one.loaded, one) : one));
    this.presented.push(...records);
    await apply();
    const shown = this.kept.filter(within).at(-1);
    if (shown !== undefined) await this.spread(shown.zone);
    return () => {
      this.presented = this.presented.filter((one) => !records.includes(one));
      return apply();
    };
  }

  /**
   * Reads files with zones that are served, and returns what serves them instead of those before: another image has
   * them at other paths. A serial that is older, as when a host goes back, becomes the one after the last that was
   * served. Throws a `UserError`, and nothing has changed.
   */
  replacements(files: readonly string[]): () => Promise<void> {
    const read = files.map((file) => ({ file, ...readGoodZone(file, (message) => this.log.warn(message)) }));
    for (const { file, loaded } of read) {
      if (!this.kept.some(({ zone }) => sameBytes(zone.apex, loaded.apex!)))
        throw new UserError(
          `${file} is about ${nameText(loaded.apex!)}, which this server has no zone for; start it anew`,
        );
    }
    return () =>
      this.change(async (old) => {
        const found = read.find(({ loaded }) => sameBytes(old.zone.apex, loaded.apex!));
        if (found === undefined) return old;
        const { file, bytes, loaded } = found;
        return sameBytes(bytes, old.bytes) ? { ...old, file } : this.make(file, bytes, loaded, old, true);
      });
  }

  /** Reads every file again. A zone that cannot be served is reported, and the earlier version stays. */
  private reload(): void {
    this.change((old) => this.read(old.file, old)).catch((error: unknown) => this.log.faulted(error));
  }

  /** `make` returns the zone to serve instead of a zone, or the same one. */
  private change(make: (old: Kept) => Promise<Kept>): Promise<void> {
    return this.changes.run(async () => {
      const next: Kept[] = [];
      for (const old of this.kept) {
        try {
          next.push(await make(old));
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          this.log.warn(`${error.message}; the version that was served stays`);
          next.push(old);
        }
      }
      if (this.closed) return;
      const changed = next.filter(({ zone }, i) => zone !== this.kept[i]!.zone);
      for (const { zone } of changed) this.log.event('net', `now serving ${zoneSummary(zone)}`);
      this.kept = next;
      if (changed.length > 0) await this.publish(this.zones);
    });
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
    this.looking = this.place.clock.schedule(LOOK_INTERVAL, () => {
      if (this.closed) return;
      this.refresh().catch((error: unknown) => this.log.faulted(error));
      this.look();
    });
  }

  /** Renews zones that depend on a changed address, and zones with old signatures. */
  async refresh(): Promise<void> {
    const addresses = this.place.addresses();
    const caa = this.place.caa?.() ?? NO_CAA;
    const moved = !isSame(addresses, this.addresses) || !isSame(caa, this.caa);
    this.addresses = addresses;
    this.caa = caa;
    const old = (one: Kept): boolean => this.options.dnssec && this.seconds - one.signedAt >= LIFETIME - REFRESH;
    const stale = (one: Kept): boolean => old(one) || (moved && usesSelf(one.loaded));
    if (this.kept.some(stale))
      await this.change(async (one) => (stale(one) ? this.make(one.file, one.bytes, one.loaded, one) : one));
  }
}

/** Looked at each second: the same things, in the same order. */
function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

/** A client can use neither a wildcard address nor one of the link alone (RFC 4291 2.5.6). */
function isUsable(address: Uint8Array): boolean {
  const linkLocal = address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
  return !linkLocal && address.some((byte) => byte !== 0);
}
