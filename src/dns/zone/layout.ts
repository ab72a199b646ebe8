/** What the data of each type consists of: how its text is read, and where the names in it lie. */
import { TYPE } from '../wire/constants.js';
import type { Name } from '../wire/name.js';

/**
 * `ttl`: seconds, units allowed. `string`: a length and bytes. `strings`, `hex`, `base64`: the rest of the record.
 * `tag`, `value`: of CAA.
 * `target`: the rest of a URI record.
 */
export type Field =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'ttl'
  | 'name'
  | 'ipv4'
  | 'ipv6'
  | 'string'
  | 'strings'
  | 'hex'
  | 'base64'
  | 'tag'
  | 'value'
  | 'target'
  | 'params';

interface Layout {
  readonly fields: readonly Field[];
  /** What they are called, for error messages. */
  readonly names: readonly string[];
  /** RFC 3597 4: names in the data of these types, and of no newer ones, may be compressed. */
  readonly compress: boolean;
  /** RFC 4034 6.2, RFC 6840 5.1: names in the data are in small letters when it is signed. */
  readonly lower: boolean;
}

const LAYOUTS = new Map<number, Layout>();

/** `spec`: fields with their names, such as `u16:preference name:exchange`. */
function define(type: number, spec: string, options: 'compress' | 'lower' | 'none' = 'none'): void {
  const parts = spec.split(' ').map((part) => part.split(':'));
  LAYOUTS.set(type, {
    fields: parts.map(([field]) => field as Field),
    names: parts.map(([, name]) => `the ${name!.replaceAll('-', ' ')}`),
    compress: options === 'compress',
    lower: options !== 'none',
  });
}

define(TYPE.A, 'ipv4:address');
define(TYPE.NS, 'name:name-of-the-name-server', 'compress');
define(TYPE.CNAME, 'name:canonical-name', 'compress');
define(
  TYPE.SOA,
  'name:primary-name-server name:mailbox u32:serial ttl:refresh ttl:retry ttl:expire ttl:minimum',
  'compress',
);
define(TYPE.PTR, 'name:name', 'compress');
define(TYPE.HINFO, 'string:machine string:system');
define(TYPE.MX, 'u16:preference name:exchange', 'compress');
define(TYPE.TXT, 'strings:text');
define(TYPE.SPF, 'strings:text');
define(TYPE.RP, 'name:mailbox name:text-name', 'lower');
define(TYPE.AFSDB, 'u16:subtype name:host', 'lower');
define(TYPE.AAAA, 'ipv6:address');
define(TYPE.SRV, 'u16:priority u16:weight u16:port name:target', 'lower');
define(TYPE.NAPTR, 'u16:order u16:preference string:flags string:services string:expression name:replacement', 'lower');
define(TYPE.KX, 'u16:preference name:exchanger', 'lower');
define(TYPE.DS, 'u16:key-tag u8:algorithm u8:digest-type hex:digest');
define(TYPE.CDS, 'u16:key-tag u8:algorithm u8:digest-type hex:digest');
define(TYPE.DNSKEY, 'u16:flags u8:protocol u8:algorithm base64:key');
define(TYPE.CDNSKEY, 'u16:flags u8:protocol u8:algorithm base64:key');
define(TYPE.SSHFP, 'u8:algorithm u8:fingerprint-type hex:fingerprint');
define(TYPE.TLSA, 'u8:usage u8:selector u8:matching-type hex:data');
define(TYPE.SMIMEA, 'u8:usage u8:selector u8:matching-type hex:data');
define(TYPE.OPENPGPKEY, 'base64:key');
define(TYPE.CAA, 'u8:flags tag:tag value:value');
define(TYPE.URI, 'u16:priority u16:weight target:target');
define(TYPE.SVCB, 'u16:priority name:target params:parameters');
define(TYPE.HTTPS, 'u16:priority name:target params:parameters');

export function layoutOf(type: number): Layout | undefined {
  return LAYOUTS.get(type);
}

/** Calls `take` with the offset and the end of each name in the data of a record. Data that is too short has fewer. */
export function eachName(type: number, data: Uint8Array, take: (start: number, end: number) => void): void {
  const layout = LAYOUTS.get(type);
  if (layout === undefined || !layout.fields.includes('name')) return;
  let at = 0;
  for (const field of layout.fields) {
    if (field === 'name') {
      const start = at;
      while (at < data.length && data[at] !== 0) at += data[at] + 1;
      at += 1;
      if (at > data.length) return;
      take(start, at);
    } else if (field === 'string') at += data[at] + 1;
    else at += SIZES[field] ?? data.length;
    if (at > data.length) return;
  }
}

const SIZES: Partial<Record<Field, number>> = { u8: 1, u16: 2, u32: 4, ttl: 4, ipv4: 4, ipv6: 16 };

/** The names that the data of a record holds. */
export function namesIn(type: number, data: Uint8Array): Name[] {
  const names: Name[] = [];
  eachName(type, data, (start, end) => names.push(data.subarray(start, end)));
  return names;
}
