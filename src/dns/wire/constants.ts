/** Numbers of the protocol (IANA "Domain Name System (DNS) Parameters"). */

export const HEADER = 12;

/** Longest name on the wire, the root label counted, and longest label (RFC 1035 2.3.4). */
export const MAX_NAME = 255;
export const MAX_LABEL = 63;
/** Labels of a name of 255 bytes, without the root. */
export const MAX_LABELS = 127;
/** Longest message over UDP without EDNS (RFC 1035 2.3.4). */
export const UDP_WITHOUT_EDNS = 512;
/** Longest message that this server sends over UDP: no path of 1,280 bytes cuts it into fragments (RFC 9715). */
export const UDP_MAX = 1232;
export const TCP_MAX = 65_535;

export const OPCODE = { query: 0, notify: 4, update: 5 } as const;

export const RCODE = {
  noError: 0,
  formErr: 1,
  servFail: 2,
  nxDomain: 3,
  notImp: 4,
  refused: 5,
  notAuth: 9,
  /** RFC 6891 9: needs EDNS, because it has more than four bits. */
  badVers: 16,
} as const;

/** Bits of the two bytes of flags (RFC 1035 4.1.1, RFC 4035 3). */
export const FLAG = { qr: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ra: 0x0080, ad: 0x0020, cd: 0x0010 } as const;

export const CLASS = { in: 1, ch: 3, none: 254, any: 255 } as const;

export const TYPE = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, value]) => [value, name]));

/** The name of a type, `TYPE65400` for those without (RFC 3597 5). */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** The number of a type by its name, in any case; undefined when there is none such. */
export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(TYPE, upper)) return TYPE[upper as keyof typeof TYPE];
  const match = /^TYPE(\d{1,5})$/.exec(upper);
  const value = match === null ? -1 : Number(match[1]);
  return value >= 0 && value <= 0xffff ? value : undefined;
}

/** Types that ask for something and are never data of a zone (RFC 6895 3.1). */
export function isMetaType(type: number): boolean {
  return type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255);
}
