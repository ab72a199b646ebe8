/** A zone file from its bytes to a zone, with what the server knows of itself in place of `@SELF`. */
import { TYPE } from '../wire/constants.js';
import { type Name, NameError, nameText, parseName } from '../wire/name.js';
import { checkZone } from './check.js';
import { apexOf, originOfFile, parseZone, type ZoneRecord } from './parse.js';
import type { Problem } from './problem.js';
import { type Data, makeZone, type Zone } from './zone.js';

/** What the server knows of itself: the data of records by type. Types that are not there leave their records out. */
export type Self = ReadonlyMap<number, readonly Uint8Array[]>;

export interface LoadedZone {
  /** In small letters; undefined: the file has no SOA record. */
  readonly apex: Name | undefined;
  readonly records: readonly ZoneRecord[];
  /** In the order of the file. */
  readonly problems: readonly Problem[];
}

/** `file`: its name gives the origin to begin with, `example.org.` for `example.org.zone`. */
export function loadZone(bytes: Uint8Array, file: string): LoadedZone {
  const { records, problems } = parseZone(bytes, originFrom(file));
  const apex = apexOf(records);
  if (apex === undefined) {
    const missing = 'the zone has no SOA record; begin with one: @ SOA ns1 hostmaster 1 7200 900 1209600 300';
    // What could not be read may have been it.
    const own: Problem[] = problems.length > 0 ? [] : [{ line: 1, column: 1, severity: 'error', message: missing }];
    return { apex, records, problems: [...problems, ...own] };
  }
  const all = [...problems, ...checkZone(records, apex)].sort((a, b) => a.line - b.line || a.column - b.column);
  return { apex, records, problems: all };
}

function originFrom(file: string): Name | undefined {
  const text = originOfFile(file);
  if (text === undefined) return undefined;
  try {
    return parseName(text, undefined);
  } catch (error) {
    if (error instanceof NameError) return undefined;
    throw error;
  }
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

/** Whether the zone depends on what the server knows of itself. */
export function usesSelf({ records }: Pick<LoadedZone, 'records'>): boolean {
  return records.some(({ data }) => data === undefined);
}

/** The zone of a file without errors. `serial`: instead of that of the file. */
export function zoneOf({ apex, records }: LoadedZone, self: Self, serial?: number): Zone {
  if (apex === undefined) throw new TypeError('the file was not checked');
  return makeZone(dataOf(records, self), apex, serial);
}

function* dataOf(records: readonly ZoneRecord[], self: Self): Iterable<Data> {
  for (const { owner, type, ttl, data } of records) {
    if (data !== undefined) yield { owner, type, ttl, data };
    else for (const own of self.get(type) ?? []) yield { owner, type, ttl, data: own };
  }
}

/** One line for people: its name, its serial and its size. */
export function zoneSummary(zone: Zone): string {
  let records = 0;
  for (const { rrsets } of zone.nodes.values()) for (const { data } of rrsets.values()) records += data.length;
  return `${nameText(zone.apex)} serial ${zone.serial}, ${records} records`;
}

/** Addresses of the server as `@SELF` data. */
export function selfAddresses(addresses: readonly Uint8Array[]): Map<number, readonly Uint8Array[]> {
  const of = (length: number): Uint8Array[] => addresses.filter((one) => one.length === length);
  return new Map([
    [TYPE.A as number, of(4)],
    [TYPE.AAAA as number, of(16)],
  ]);
}
