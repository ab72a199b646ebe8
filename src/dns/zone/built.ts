/**
 * A zone as `zone build` writes it: checked, and without its text. Eight bytes of a mark, SHA-256 of what follows, the
 * name of the zone, and records: owner, type, TTL, a byte for `@SELF`, the length of the data, the data. Zeros follow
 * up to a whole sector of 512 bytes: a disk of that size has the zone and no more.
 */
import { TYPE } from '../wire/constants.js';
import { lowerName, type Name } from '../wire/name.js';
import { ByteWriter, compareBytes, concat, u16At, u32At } from '../wire/writer.js';
import { isValidData } from './data.js';
import type { ZoneRecord } from './parse.js';
import { serialOf, withSerial } from './zone.js';

const MARK = new TextEncoder().encode('SKZONE1\n');
const DIGEST = 32;
const SECTOR = 512;

type Digest = (bytes: Uint8Array) => Uint8Array;

export function isBuilt(bytes: Uint8Array): boolean {
  return bytes.length >= MARK.length && compareBytes(bytes.subarray(0, MARK.length), MARK) === 0;
}

/** The same bytes for the same records in any order. `serial`: instead of the SOA record's. */
export function writeBuilt(
  apex: Name,
  records: readonly ZoneRecord[],
  digest: Digest,
  serial: number | undefined,
): Uint8Array {
  const parts = records.map(({ owner, type, ttl, data }) => {
    const own = data !== undefined && type === TYPE.SOA && serial !== undefined ? withSerial(data, serial) : data;
    const out = new ByteWriter();
    out.bytes(owner);
    out.u16(type);
    out.u32(ttl);
    out.u8(own === undefined ? 1 : 0);
    out.u16(own?.length ?? 0);
    if (own !== undefined) out.bytes(own);
    return out.done();
  });
  const content = concat([apex, ...parts.sort(compareBytes)]);
  const padding = new Uint8Array(-(MARK.length + DIGEST + content.length) & (SECTOR - 1));
  const body = concat([content, padding]);
  return concat([MARK, digest(body), body]);
}

export interface BuiltZone {
  readonly apex: Name;
  readonly records: readonly ZoneRecord[];
}

/** Undefined: it is damaged. */
export function readBuilt(bytes: Uint8Array, digest: Digest): BuiltZone | undefined {
  const body = bytes.subarray(MARK.length + DIGEST);
  if (!isBuilt(bytes) || compareBytes(bytes.subarray(MARK.length, MARK.length + DIGEST), digest(body)) !== 0)
    return undefined;
  let at = 0;
  const name = (): Name | undefined => {
    const start = at;
    while (at < body.length && body[at] !== 0 && body[at] < 64) at += body[at] + 1;
    at += 1;
    return at <= body.length && body[at - 1] === 0 && at - start <= 255 ? body.slice(start, at) : undefined;
  };
  const apex = name();
  const records: ZoneRecord[] = [];
  // There is no type 0: what is zero to the end is no record of the root's.
  while (apex !== undefined && body.subarray(at).some((byte) => byte !== 0)) {
    const owner = name();
    if (owner === undefined || at + 9 > body.length) return undefined;
    const type = u16At(body, at);
    const ttl = u32At(body, at + 2);
    const self = body[at + 6] === 1;
    const end = at + 9 + u16At(body, at + 7);
    const data = body.slice(at + 9, end);
    if (end > body.length || (!self && !isValidData(type, data))) return undefined;
    records.push({ owner, type, ttl, data: self ? undefined : data, line: 1, column: 1 });
    at = end;
  }
  return apex === undefined ? undefined : { apex: lowerName(apex), records };
}

/** The serial of records that have an SOA record with data. */
export function serialOfRecords(records: readonly ZoneRecord[]): number | undefined {
  const soa = records.find(({ type }) => type === TYPE.SOA)?.data;
  return soa && serialOf(soa);
}
