/**
 * The name server of `--workers` in the first process: it reads the zones and signs them, and each worker answers out
 * of what it gets. Proofs for a certificate authority come in here, too.
 */
import { randomBytes } from 'node:crypto';
import type { Zone } from '../../dns/zone/zone.js';
import type { Endpoint } from '../../net/flow.js';
import { RealClock } from '../../net/real-clock.js';
import type { SharedNames } from '../../net/sockets/libc/shared-names.js';
import { openSocketDatagrams } from '../../net/sockets/open.js';
import { placeText } from '../../net/wire/address.js';
import type { Log } from '../log.js';
import { checkZoneFiles } from '../names/check-files.js';
import { givenAddresses, keeperFor, spreadBy } from '../names/open-names.js';
import type { ZoneKeeper } from '../names/zone-keeper.js';
import type { ServeOptions } from '../options/serve.js';
import type { Worker } from './worker-process.js';

/** Milliseconds that a change waits for a worker that does not say that it has it. */
const PATIENCE = 5000;

export class NamesOfWorkers {
  readonly zones: ZoneKeeper;
  private readonly clock = new RealClock();
  private readonly cookies = randomBytes(16);
  private opening: Promise<void> | undefined;
  private published: readonly Zone[] = [];
  private version = 0;
  /** Workers that answer, and the version that each has said it has. */
  private readonly versions = new Map<Worker, number>();
  private changed: () => void = () => undefined;

  /** `sockets`: in socket mode; in direct mode the caller sets `zones.spread`. `addresses`: ours at present. */
  constructor(
    private readonly options: ServeOptions,
    private readonly log: Log,
    private readonly sockets: SharedNames | undefined,
    private readonly addresses: () => readonly string[],
  ) {
    this.zones = keeperFor(options, { clock: this.clock, addresses }, log);
    this.zones.publish = (zones) => this.publish(zones);
  }

  /** Reads the zones. Rejects with a `UserError`. */
  async prepare(): Promise<void> {
    if (this.sockets !== undefined) {
      const { dns, host, sockets } = this.options;
      const datagrams = await openSocketDatagrams(host, '--dns-port', sockets);
      this.zones.spread = spreadBy(dns, datagrams, this.clock, this.log);
    }
    checkZoneFiles(this.options.dns);
    const known = this.addresses();
    await this.zones.prepare(known.length > 0 ? known : givenAddresses(this.options.direct));
  }

  /** The sockets of a worker: UDP, TCP. */
  fdsOf({ number }: Worker): [number, number] | undefined {
    const { sockets } = this;
    return sockets && [sockets.udp[number - 1]!, sockets.tcp[number - 1]!];
  }

  /** For people. */
  get where(): string {
    const { address, port } = this.endpoint;
    return placeText(address, port);
  }

  private get endpoint(): Endpoint {
    return this.sockets?.endpoint ?? { address: this.addresses()[0] ?? '', port: this.options.dns.port };
  }

  /** The worker has an address, and is about to answer: it gets the zones as they are for that address. */
  async asked(worker: Worker): Promise<void> {
    const { child } = worker;
    this.opening ??= this.zones.open(this.options.http.site.watch);
    await this.opening;
    const zones = await this.zones.current();
    // It may have ended, and another may have taken its place.
    if (worker.child !== child) return;
    this.published = zones;
    this.versions.set(worker, 0);
    this.send(worker, zones);
  }

  named(worker: Worker, version: number): void {
    if (this.versions.has(worker)) this.versions.set(worker, version);
    this.changed();
  }

  ended(worker: Worker): void {
    this.versions.delete(worker);
    this.changed();
  }

  /** The address may have changed. */
  moved(): void {
    if (this.opening !== undefined) this.zones.refresh().catch(this.log.faulted);
  }

  close(): void {
    this.zones.close();
    this.sockets?.close();
  }

  private send(worker: Worker, zones: readonly Zone[]): void {
    const { version, cookies } = this;
    worker.say({ say: 'names', version, zones, cookies, port: this.endpoint.port });
  }

  /** Resolves when every worker answers out of `zones`, or does not say so for some seconds. */
  private async publish(zones: readonly Zone[]): Promise<void> {
    const news = zones.filter((zone) => !this.published.includes(zone));
    this.published = zones;
    const version = ++this.version;
    for (const worker of this.versions.keys()) this.send(worker, news);
    let late = false;
    const timer = this.clock.schedule(PATIENCE, () => {
      late = true;
      this.changed();
    });
    while (!late && [...this.versions.values()].some((one) => one < version)) {
      await new Promise<void>((resolve) => {
        this.changed = resolve;
      });
    }
    timer.cancel();
  }
}
