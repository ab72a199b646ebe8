/** Zones as lists of records, and what changed between two versions: what secondaries get (RFC 5936, RFC 1995). */
import { TYPE } from '../wire/constants.js';
import type { Name } from '../wire/name.js';
import { ByteWriter } from '../wire/writer.js';
import { soaOf, type Zone } from '../zone/zone.js';

/** Versions back from which changes are kept; and bytes of all of them, if the zone has not more itself. */
const MAX_CHANGES = 32;
const LEAST_SIZE = 64 * 1024;

/** A record as it goes over the wire, without compression. */
export type WireRecord = Uint8Array;

function wireRecord(owner: Name, type: number, ttl: number, data: Uint8Array): WireRecord {
  const out = new ByteWriter(owner.length + 10 + data.length);
  out.bytes(owner);
  out.u16(type);
  out.u16(1);
  out.u32(ttl);
  out.u16(data.length);
  out.bytes(data);
  return out.done();
}

export function soaRecord(zone: Zone): WireRecord {
  const { ttl, data } = soaOf(zone);
  return wireRecord(zone.apex, TYPE.SOA, ttl, data[0]!);
}

/** Every record but the SOA record itself, signatures among them. */
export function* recordsOf(zone: Zone): Generator<WireRecord> {
  for (const { name, rrsets, signatures } of zone.nodes.values()) {
    for (const { type, ttl, data } of rrsets.values()) {
      if (type !== TYPE.SOA) for (const one of data) yield wireRecord(name, type, ttl, one);
      const signature = signatures?.get(type);
      if (signature !== undefined) yield wireRecord(name, TYPE.RRSIG, ttl, signature);
    }
  }
}

interface Change {
  readonly from: number;
  readonly to: number;
  readonly oldSoa: WireRecord;
  readonly newSoa: WireRecord;
  readonly removed: readonly WireRecord[];
  readonly added: readonly WireRecord[];
  readonly size: number;
}

/** The changes of one zone, the last ones first to stay. */
export class History {
  private changes: Change[] = [];

  /** `next` follows `zone`. */
  grew(zone: Zone, next: Zone): void {
    const before = byText(zone);
    const after = byText(next);
    const removed = [...before].filter(([text]) => !after.has(text)).map(([, record]) => record);
    const added = [...after].filter(([text]) => !before.has(text)).map(([, record]) => record);
    const size = bytesOf(removed) + bytesOf(added);
    this.changes.push({
      from: zone.serial,
      to: next.serial,
      oldSoa: soaRecord(zone),
      newSoa: soaRecord(next),
      removed,
      added,
      size,
    });
    const most = Math.max(bytesOf(after.values()), LEAST_SIZE);
    let sum = this.changes.reduce((total, change) => total + change.size, 0);
    while (this.changes.length > MAX_CHANGES || (sum > most && this.changes.length > 0))
      sum -= this.changes.shift()!.size;
  }

  /**
   * RFC 1995 4: what leads from `serial` to the present version, without the SOA record around; undefined: it is not
   * known.
   */
  since(serial: number): WireRecord[] | undefined {
    const first = this.changes.findIndex(({ from }) => from === serial);
    if (first < 0) return undefined;
    return this.changes
      .slice(first)
      .flatMap(({ oldSoa, removed, newSoa, added }) => [oldSoa, ...removed, newSoa, ...added]);
  }
}

function byText(zone: Zone): Map<string, WireRecord> {
  const records = new Map<string, WireRecord>();
  for (const record of recordsOf(zone)) records.set(record.join(), record);
  return records;
}

function bytesOf(records: Iterable<WireRecord>): number {
  let sum = 0;
  for (const record of records) sum += record.length;
  return sum;
}
