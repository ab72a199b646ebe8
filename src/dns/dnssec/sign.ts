/**
 * A zone signed in memory: DNSKEY, CDS and CDNSKEY, a chain of NSEC records, and a signature of every set (RFC 4034,
 * 4035 2, 7344, 9077).
 */
import type { DnsCrypto } from '../crypto.js';
import { TYPE } from '../wire/constants.js';
import { compareNames, isWildcard, labelCount, lowerName, type Name } from '../wire/name.js';
import { ByteWriter, concat } from '../wire/writer.js';
import { canonicalData, cutOf, minimumOf, type RRset, soaOf, type Zone, type ZoneNode } from '../zone/zone.js';
import { ALGORITHM, dnskeyData, dsData, keyTag, type ZoneSigner } from './key.js';

/** Seconds that signatures hold, and that they began before they were made: other clocks may be late. */
export const LIFETIME = 14 * 86_400;
const BEFORE = 3 * 3600;
/** Signatures of which this many seconds are left are made anew. */
export const REFRESH = 7 * 86_400;
/** Signatures that are made before others have their turn: some milliseconds. */
const AT_ONCE = 64;

interface Growing {
  readonly name: Name;
  readonly rrsets: Map<number, RRset>;
  readonly signatures: Map<number, Uint8Array>;
}

/**
 * `now`: seconds since 1970. `pause`: lets others have their turn. Records of these types that the zone has are
 * replaced.
 */
export async function signZone(
  zone: Zone,
  signer: ZoneSigner,
  crypto: DnsCrypto,
  now: number,
  pause: () => Promise<void>,
): Promise<Zone> {
  const dnskey = dnskeyData(signer);
  const nodes = new Map<string, Growing>();
  for (const [key, { name, rrsets }] of zone.nodes)
    nodes.set(key, { name, rrsets: new Map(rrsets), signatures: new Map() });
  const ordered = [...nodes.values()].sort((a, b) => compareNames(a.name, b.name));
  const apex = ordered[0]!;
  const soa = soaOf(zone);
  const add = (type: number, data: Uint8Array): void =>
    void apex.rrsets.set(type, { type, ttl: soa.ttl, data: [data] });
  add(TYPE.DNSKEY, dnskey);
  add(TYPE.CDNSKEY, dnskey);
  add(TYPE.CDS, dsData(zone.apex, dnskey, crypto));
  const secure = ordered.filter((node) => isSecure(zone, node));
  // RFC 9077 3.
  const ttl = Math.min(soa.ttl, minimumOf(soa.data[0]!));
  for (const [i, node] of secure.entries()) {
    const next = secure[(i + 1) % secure.length]!;
    node.rrsets.set(TYPE.NSEC, { type: TYPE.NSEC, ttl, data: [nsecData(node, next.name)] });
  }
  const signing = new Signing(zone.apex, keyTag(dnskey), signer, now);
  let count = 0;
  for (const node of secure) {
    const cut = node.rrsets.has(TYPE.NS) && node !== apex;
    for (const set of node.rrsets.values()) {
      // RFC 4035 2.2: at a delegation the servers are the child's to sign.
      if (cut && set.type !== TYPE.DS && set.type !== TYPE.NSEC) continue;
      node.signatures.set(set.type, signing.signature(node.name, set));
      count += 1;
      if (count % AT_ONCE === 0) await pause();
    }
  }
  return { apex: zone.apex, serial: zone.serial, nodes: nodes as ReadonlyMap<string, ZoneNode> };
}

/**
 * RFC 4035 2.3: names with data of the zone, and delegations; not what lies below these, and no empty non-terminals.
 */
function isSecure(zone: Zone, { name, rrsets }: Growing): boolean {
  if (rrsets.size === 0) return false;
  const cut = cutOf(zone.nodes, zone.apex, lowerName(name));
  return cut === undefined || cut.length === name.length;
}

function nsecData({ rrsets }: Growing, next: Name): Uint8Array {
  return concat([lowerName(next), typeBitmap([...rrsets.keys(), TYPE.NSEC, TYPE.RRSIG])]);
}

/** RFC 4034 4.1.2. */
function typeBitmap(types: readonly number[]): Uint8Array {
  const out = new ByteWriter();
  const sorted = [...new Set(types)].sort((a, b) => a - b);
  for (const window of new Set(sorted.map((type) => type >> 8))) {
    const own = sorted.filter((type) => type >> 8 === window).map((type) => type & 255);
    const bits = new Uint8Array((own[own.length - 1]! >> 3) + 1);
    for (const type of own) bits[type >> 3] |= 0x80 >> (type & 7);
    out.u8(window);
    out.u8(bits.length);
    out.bytes(bits);
  }
  return out.done();
}

class Signing {
  constructor(
    private readonly apex: Name,
    private readonly tag: number,
    private readonly signer: ZoneSigner,
    private readonly now: number,
  ) {}

  /** The data of the RRSIG record of a set (RFC 4034 3.1). */
  signature(name: Name, { type, ttl, data }: RRset): Uint8Array {
    const owner = lowerName(name);
    const head = new ByteWriter();
    head.u16(type);
    head.u8(ALGORITHM);
    head.u8(labelCount(owner) - (isWildcard(owner) ? 1 : 0));
    head.u32(ttl);
    head.u32(this.now + LIFETIME);
    head.u32(this.now - BEFORE);
    head.u16(this.tag);
    head.bytes(this.apex);
    const signed = new ByteWriter(1024);
    signed.bytes(head.done());
    // RFC 4034 3.1.8.1, 6: the records in canonical form and order.
    for (const one of data) {
      const canonical = canonicalData(type, one);
      signed.bytes(owner);
      signed.u16(type);
      signed.u16(1);
      signed.u32(ttl);
      signed.u16(canonical.length);
      signed.bytes(canonical);
    }
    return concat([head.done(), this.signer.sign(signed.done())]);
  }
}
