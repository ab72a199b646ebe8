/** Word to the secondaries that a zone has a new version (RFC 1996), until each of them has answered. */
import {
  copyAddress,
  type Datagram,
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  isSameAddress,
} from '../../net/datagrams.js';
import type { Clock, Timer } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import { FLAG, HEADER, OPCODE, TYPE } from '../wire/constants.js';
import { sameBytes } from '../wire/name.js';
import { ByteWriter, u16At } from '../wire/writer.js';
import type { Zone } from '../zone/zone.js';
import type { DnsStats } from './stats.js';
import type { Tsig, TsigKey } from './tsig.js';
import { soaRecord } from './versions.js';

export interface Secondary {
  readonly address: DatagramAddress;
  /** Signs what is sent there. */
  readonly key: TsigKey | undefined;
}

/** RFC 1996 3.6: tries, and milliseconds to the second, twice as long to each further one. */
const TRIES = 6;
const FIRST_WAIT = 2000;
/** Room for a question, an SOA record and a signature. */
const MESSAGE = 1232;

interface Pending {
  readonly id: number;
  readonly zone: Zone;
  readonly secondary: Secondary;
  tries: number;
  timer: Timer | undefined;
}

export class Notifier {
  private readonly pending: Pending[] = [];
  private port: DatagramPort | undefined;
  private closed = false;

  constructor(
    private readonly secondaries: readonly Secondary[],
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly tsig: Tsig,
    private readonly stats: DnsStats,
  ) {}

  /** Takes a port of its own. */
  async open(datagrams: Datagrams): Promise<void> {
    if (this.secondaries.length === 0) return;
    this.port = await datagrams.bind(0, (_port, datagram) => this.answered(datagram));
    if (this.closed) this.port.close();
  }

  /** Tells every secondary. Word of an older version of the zone is not repeated any more. */
  tell(zone: Zone): void {
    for (const secondary of this.secondaries) {
      const old = this.pending.find((one) => one.secondary === secondary && sameBytes(one.zone.apex, zone.apex));
      if (old !== undefined) this.forget(old);
      const id = this.random.random32() & 0xffff;
      const pending: Pending = { id, zone, secondary, tries: 0, timer: undefined };
      this.pending.push(pending);
      this.send(pending);
    }
  }

  close(): void {
    this.closed = true;
    for (const one of [...this.pending]) this.forget(one);
    this.port?.close();
  }

  private send(pending: Pending): void {
    const { zone, secondary, id } = pending;
    const out = new ByteWriter(MESSAGE);
    out.u16(id);
    out.u16((OPCODE.notify << 11) | FLAG.aa);
    for (const count of [1, 1, 0, 0]) out.u16(count);
    out.bytes(zone.apex);
    out.u16(TYPE.SOA);
    out.u16(1);
    out.bytes(soaRecord(zone));
    const message = new Uint8Array(MESSAGE);
    message.set(out.done());
    const { key } = secondary;
    const length = key === undefined ? out.length : this.tsig.begin(key).sign(message, out.length);
    this.stats.notifies += 1;
    const to = datagramAddress();
    copyAddress(to, secondary.address);
    this.port?.send(message, 0, length, to);
    pending.tries += 1;
    pending.timer = this.clock.schedule(FIRST_WAIT * 2 ** (pending.tries - 1), () => {
      if (pending.tries === TRIES) this.forget(pending);
      else this.send(pending);
    });
  }

  private answered({ bytes, start, end, source }: Datagram): void {
    if (end - start < HEADER) return;
    const flags = u16At(bytes, start + 2);
    if ((flags & FLAG.qr) === 0 || ((flags >> 11) & 15) !== OPCODE.notify) return;
    const found = this.pending.find(
      ({ id, secondary }) => id === u16At(bytes, start) && isSameAddress(secondary.address, source),
    );
    // RFC 1996 4.8: any answer ends the repeats.
    if (found !== undefined) this.forget(found);
  }

  private forget(pending: Pending): void {
    pending.timer?.cancel();
    const at = this.pending.indexOf(pending);
    if (at >= 0) this.pending.splice(at, 1);
  }
}
