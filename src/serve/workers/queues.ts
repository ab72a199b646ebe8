/**
 * `--workers N` in direct mode: a TAP with a queue for each worker. The first process holds the queues. So the number
 * of queues, and the queue of each connection, stay the same when another worker replaces one that ended. It also
 * announces the workers to each other.
 */

import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libc } from '../../native/libc/libc.js';
import { type OpenTap, openTapQueues } from '../../net/device/linux/tap-open.js';
import type { SharedAddress } from '../../net/direct/address/followed-mode.js';
import { formatIpv4 } from '../../net/wire/address.js';
import { giveFolder, programsUser } from '../../seal/programs-user.js';
import type { ServeOptions } from '../options/serve.js';
import { urlOf } from '../url.js';
import type { ToFirst } from '../worker-channel.js';
import type { Shared, Worker } from './worker-process.js';

export class Queues implements Shared {
  readonly fds: number[];
  private readonly taps: readonly OpenTap[];
  /** For this user alone, or the one that workers become. */
  private readonly folder: string;
  private readonly keys: readonly [number, number];
  /** Those that can be reached. */
  private readonly here = new Set<Worker>();
  private readonly workers = new Set<Worker>();
  private address: SharedAddress | undefined = undefined;

  /** Throws a `UserError` when the TAP cannot be opened. */
  constructor(private readonly options: ServeOptions) {
    const { tap: name, bridge, offload } = options.direct;
    this.taps = openTapQueues({ name, bridge, offload }, options.workers);
    this.fds = this.taps.map(({ fd }) => fd);
    this.folder = mkdtempSync(join(tmpdir(), 'sitekernel-workers-'));
    giveFolder(this.folder, programsUser(options.seal));
    const [k0, k1] = randomFillSync(new Int32Array(2));
    this.keys = [k0 as number, k1 as number];
  }

  get urls(): string[] {
    const { port, tls } = this.options;
    return this.addresses.map((one) => (tls === undefined ? urlOf(one, port) : urlOf(one, tls.port, 'https')));
  }

  get addresses(): string[] {
    const { address, options } = this;
    const { static: given, anycast } = options.direct;
    const ipv4 = address?.config?.address;
    const further = (given?.further ?? []).map((one) => one.address);
    const six = (address?.state?.ipv6?.addresses ?? []).filter(({ origin }) => origin !== 'link-local');
    return [
      ...(ipv4 === undefined ? [] : [formatIpv4(ipv4), ...further, ...anycast]),
      ...six.map((one) => one.address),
    ];
  }

  began(worker: Worker): void {
    this.workers.add(worker);
    const { folder, keys, address } = this;
    const { fd: _fd, ...tap } = this.taps[worker.number - 1]!;
    worker.say({ say: 'begin', number: worker.number, count: this.taps.length, folder, keys, tap, address });
  }

  heard(worker: Worker, message: ToFirst): void {
    if (message.say === 'here') {
      for (const other of this.here) {
        other.say({ say: 'meet', number: worker.number });
        worker.say({ say: 'meet', number: other.number });
      }
      this.here.add(worker);
    } else if (message.say === 'address') {
      this.address = message.address;
      for (const other of this.workers) if (other !== worker) other.say(message);
    }
  }

  ended(worker: Worker, draining: boolean): void {
    this.here.delete(worker);
    if (!draining) return;
    // No worker replaces it: the kernel distributes its share among the others.
    libc().close(worker.fd);
    this.fds.splice(this.fds.indexOf(worker.fd), 1);
  }

  drain(): void {}

  close(): void {
    for (const fd of this.fds.splice(0)) libc().close(fd);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
