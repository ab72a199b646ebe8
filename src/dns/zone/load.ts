/** A zone file from its bytes to a zone, with what the server knows of itself in place of `@SELF`. */
import { TYPE } from '../wire/constants.js';
import { isWithin, lowerName, type Name, NameError, nameText, parseName } from '../wire/name.js';
import { checkZone } from './check.js';
import { keptWildcards } from './kept-wildcards.js';
import { apexOf, originOfFile, parseZone, type ZoneRecord } from './parse.js';
import type { Problem } from './problem.js';
import { httpsData } from './service-parameters.js';
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

/**
 * The zone of a file without errors. `serial`: instead of that of the file. `more`: records beside those of the file,
 * which take nothing away from names that a wildcard answers for.
 */
export function zoneOf({ apex, records }: LoadedZone, self: Self, serial?: number, more: readonly Data[] = []): Zone {
  if (apex === undefined) throw new TypeError('the file was not checked');
  const own = [...dataOf(records, self)];
  const beside = more.filter(({ owner }) => isWithin(lowerName(owner), apex));
  return makeZone([...own, ...beside, ...keptWildcards(own, beside, apex)], apex, serial);
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

/** What a server knows of itself. */
export interface SelfFacts {
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** ALPN identifiers of what it speaks over TLS; none: it has no HTTPS record. */
  readonly protocols?: readonly string[];
  /** Of HTTPS; 443 unless given. */
  readonly httpsPort?: number;
  /** Data of CAA records. */
  readonly caa?: readonly Uint8Array[];
}

/** The data of `@SELF` by type. */
export function selfOf({ addresses, protocols = [], httpsPort = 443, caa = [] }: SelfFacts): Self {
  const of = (length: number): Uint8Array[] => addresses.filter((one) => one.length === length);
  return new Map([
    [TYPE.A as number, of(4)],
    [TYPE.AAAA, of(16)],
    // RFC 9460 7.3: no hints; clients ask for the addresses of the name anyway, and hints grow old.
    [TYPE.HTTPS, protocols.length === 0 ? [] : [httpsData(protocols, httpsPort)]],
    [TYPE.CAA, caa],
  ]);
}
