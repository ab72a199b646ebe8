/** A zone: nodes by name, each with sets of records (RFC 2181 5). */
import { TYPE } from '../wire/constants.js';
import { lowerName, type Name, nameKey, parentOf } from '../wire/name.js';
import { compareBytes, putU32, u32At } from '../wire/writer.js';
import { eachName } from './layout.js';

export interface RRset {
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  /** Each record's data without compression, in canonical order (RFC 4034 6.3), none twice. */
  readonly data: readonly Uint8Array[];
}

export interface ZoneNode {
  /** As its first record writes it. */
  readonly name: Name;
  /** Empty: an empty non-terminal (RFC 4592 2.2.2). */
  readonly rrsets: ReadonlyMap<number, RRset>;
  /** Of a zone that is signed: data of the RRSIG record of each set that has one. */
  readonly signatures?: ReadonlyMap<number, Uint8Array>;
}

export interface Zone {
  /** In small letters. */
  readonly apex: Name;
  readonly serial: number;
  /** By `nameKey`. Every name between the apex and a name that has records is there. */
  readonly nodes: ReadonlyMap<string, ZoneNode>;
}

/** One record, as zones are made of. */
export interface Data {
  readonly owner: Name;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

interface Growing {
  readonly name: Name;
  readonly rrsets: Map<number, { type: number; ttl: number; data: Uint8Array[] }>;
}

/**
 * The records must have passed `checkZone`. `serial`: instead of the SOA record's. Sets whose records differ in TTL get
 * the least
 * (RFC 2181 5.2).
 */
export function makeZone(records: Iterable<Data>, apex: Name, serial?: number): Zone {
  const nodes = new Map<string, Growing>();
  const nodeOf = (name: Name): Growing => {
    const key = nameKey(name);
    let node = nodes.get(key);
    if (node === undefined) {
      node = { name, rrsets: new Map() };
      nodes.set(key, node);
    }
    return node;
  };
  nodeOf(apex);
  for (const { owner, type, ttl, data } of records) {
    const { rrsets } = nodeOf(owner);
    const set = rrsets.get(type);
    if (set === undefined) rrsets.set(type, { type, ttl, data: [data] });
    else {
      set.ttl = Math.min(set.ttl, ttl);
      set.data.push(data);
    }
    for (let name = owner; name.length > apex.length && !nodes.has(nameKey(parentOf(name))); ) {
      name = parentOf(name);
      nodeOf(name);
    }
  }
  for (const { rrsets } of nodes.values()) {
    for (const set of rrsets.values()) set.data = inOrder(set.type, set.data);
  }
  const soa = nodes.get(nameKey(apex))?.rrsets.get(TYPE.SOA);
  if (soa === undefined) throw new TypeError('a zone has an SOA record');
  if (serial !== undefined) soa.data = [withSerial(soa.data[0]!, serial)];
  return { apex, serial: serialOf(soa.data[0]!), nodes };
}

function inOrder(type: number, data: readonly Uint8Array[]): Uint8Array[] {
  const sorted = data
    .map((one) => ({ one, canonical: canonicalData(type, one) }))
    .sort((a, b) => compareBytes(a.canonical, b.canonical));
  return sorted
    .filter(({ canonical }, i) => i === 0 || compareBytes(canonical, sorted[i - 1]!.canonical) !== 0)
    .map(({ one }) => one);
}

/** The data with the names in it in small letters, for the types that want it (RFC 4034 6.2). */
export function canonicalData(type: number, data: Uint8Array): Uint8Array {
  let copy: Uint8Array | undefined;
  eachName(type, data, (start, end) => {
    // RFC 6840 5.1: of newer types the names stay as they are.
    if (type === TYPE.SVCB || type === TYPE.HTTPS) return;
    copy ??= data.slice();
    copy.set(lowerName(data.subarray(start, end)), start);
  });
  return copy ?? data;
}

/** Where the five numbers of an SOA record's data begin. */
function soaNumbers(data: Uint8Array): number {
  return data.length - 20;
}

export function serialOf(soa: Uint8Array): number {
  return u32At(soa, soaNumbers(soa));
}

/** The MINIMUM field: how long a negative answer holds, s (RFC 2308 4). */
export function minimumOf(soa: Uint8Array): number {
  return u32At(soa, soaNumbers(soa) + 16);
}

export function withSerial(soa: Uint8Array, serial: number): Uint8Array {
  const copy = soa.slice();
  putU32(copy, soaNumbers(soa), serial);
  return copy;
}

/** Whether serial `a` is greater than `b` (RFC 1982 3.2). */
export function isNewer(a: number, b: number): boolean {
  const difference = (a - b) >>> 0;
  return difference !== 0 && difference < 0x8000_0000;
}

/** The SOA record's set. */
export function soaOf(zone: Zone): RRset {
  return zone.nodes.get(nameKey(zone.apex))!.rrsets.get(TYPE.SOA)!;
}

/** The name of the delegation that `name` is at or below; undefined: the zone itself has the data of `name`. */
export function cutOf(
  nodes: ReadonlyMap<string, { readonly rrsets: ReadonlyMap<number, unknown> }>,
  apex: Name,
  name: Name,
): Name | undefined {
  let cut: Name | undefined;
  for (let at = name; at.length > apex.length; at = parentOf(at)) {
    if (nodes.get(nameKey(at))?.rrsets.has(TYPE.NS)) cut = at;
  }
  return cut;
}
