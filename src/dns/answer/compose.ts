/**
 * Answers to one name and type out of a zone (RFC 1034 4.3.2, RFC 4592 3.3, RFC 2308, RFC 4035 3.1), made while the
 * zone is built.
 */
import { RCODE, TYPE } from '../wire/constants.js';
import { isWithin, lowerName, type Name, nameKey, parentOf } from '../wire/name.js';
import { cutOf, minimumOf, type RRset, soaOf, type Zone, type ZoneNode } from '../zone/zone.js';
import { type Answer, AnswerWriter } from './answer-writer.js';
import type { Denials } from './denials.js';

/** Aliases that are followed one after the other. */
const MAX_CHAIN = 16;

export type Found =
  | { readonly kind: 'node' | 'cut'; readonly node: ZoneNode }
  /** `encloser`: the nearest name above that is there. */
  | { readonly kind: 'wildcard'; readonly node: ZoneNode; readonly encloser: Name }
  | { readonly kind: 'none'; readonly encloser: Name };

/** What a zone has for a name within it, in small letters. */
export function findName(zone: Zone, name: Name): Found {
  const cut = cutOf(zone.nodes, zone.apex, name);
  if (cut !== undefined) return { kind: 'cut', node: zone.nodes.get(nameKey(cut))! };
  const node = zone.nodes.get(nameKey(name));
  if (node !== undefined) return { kind: 'node', node };
  let encloser = parentOf(name);
  while (!zone.nodes.has(nameKey(encloser))) encloser = parentOf(encloser);
  const star = zone.nodes.get(`\u0001*${nameKey(encloser)}`);
  return star === undefined ? { kind: 'none', encloser } : { kind: 'wildcard', node: star, encloser };
}

export class Composer {
  private writer!: AnswerWriter;
  private secure = false;
  private denied: number[] = [];

  constructor(
    private readonly zone: Zone,
    private readonly denials: Denials,
  ) {}

  /** `question`: a name of the zone in small letters. `secure`: with signatures and what proves what is not there. */
  answer(question: Name, type: number, secure: boolean): Answer {
    this.begin(question, secure);
    const { zone, writer } = this;
    const seen = new Set<string>();
    let owner: Name | undefined;
    let name = question;
    for (;;) {
      seen.add(nameKey(name));
      const found = findName(zone, name);
      if (found.kind === 'cut' && !(type === TYPE.DS && found.node.name.length === name.length)) {
        this.referral(found.node);
        return this.done(RCODE.noError, writer.answers > 0);
      }
      if (found.kind === 'none') {
        this.negative();
        this.deny(name);
        this.deny(Uint8Array.from([1, 0x2a, ...found.encloser]));
        return this.done(RCODE.nxDomain, true);
      }
      const { node } = found;
      const own = node.rrsets.get(type);
      // RFC 4035 2.5: beside an alias there may be its NSEC record.
      const alias = own === undefined ? node.rrsets.get(TYPE.CNAME) : undefined;
      const set = own ?? alias;
      if (set !== undefined) this.set(owner, node, set);
      else {
        this.negative();
        this.deny(lowerName(node.name));
      }
      if (found.kind === 'wildcard') this.deny(name);
      if (alias === undefined) {
        if (set !== undefined && type === TYPE.NS) this.addresses(set);
        return this.done(RCODE.noError, true);
      }
      owner = alias.data[0]!;
      name = lowerName(owner);
      if (!isWithin(name, zone.apex) || seen.has(nameKey(name)) || seen.size > MAX_CHAIN)
        return this.done(RCODE.noError, true);
    }
  }

  /** For names that are not there; what denies them is added when they are asked for. */
  notThere(secure: boolean): Answer {
    this.begin(Uint8Array.from([1, 0x2a, ...this.zone.apex]), secure);
    this.negative();
    return this.done(RCODE.nxDomain, true);
  }

  /** The signature of one set, which is all that a question for RRSIG gets (RFC 8482 7). */
  signature(question: Name, node: ZoneNode, type: number): Answer {
    this.begin(question, false);
    const set = node.rrsets.get(type)!;
    this.writer.record(undefined, TYPE.RRSIG, set.ttl, node.signatures!.get(type)!);
    return this.done(RCODE.noError, true);
  }

  private begin(question: Name, secure: boolean): void {
    this.writer = new AnswerWriter(question);
    this.secure = secure;
    this.denied = [];
  }

  private done(rcode: number, authoritative: boolean): Answer {
    const { writer, denied, denials } = this;
    // A wildcard's own denial may follow answers; all of them lie in the authority section.
    writer.authority();
    for (const number of denied) this.records(undefined, denials.node(number), TYPE.NSEC);
    this.finish();
    return writer.done(rcode, authoritative, denied);
  }

  /** Additional records, in their section, behind the others. */
  private finish = (): void => undefined;

  private set(owner: Name | undefined, node: ZoneNode, set: RRset): void {
    for (const data of set.data) this.writer.record(owner, set.type, set.ttl, data);
    const signature = this.secure ? node.signatures?.get(set.type) : undefined;
    if (signature !== undefined) this.writer.record(owner, TYPE.RRSIG, set.ttl, signature);
  }

  /** RFC 2308 3, 5: the SOA record, for as long as the answer may be kept. */
  private negative(): void {
    const { zone, writer } = this;
    const soa = soaOf(zone);
    const ttl = Math.min(soa.ttl, minimumOf(soa.data[0]!));
    writer.authority();
    writer.record(zone.apex, TYPE.SOA, ttl, soa.data[0]!);
    const signature = this.secure ? zone.nodes.get(nameKey(zone.apex))!.signatures?.get(TYPE.SOA) : undefined;
    if (signature !== undefined) writer.record(zone.apex, TYPE.RRSIG, ttl, signature);
  }

  /** The NSEC record that is of `name` or covers it. */
  private deny(name: Name): void {
    const number = this.secure ? this.denials.of(name) : -1;
    if (number >= 0 && !this.denied.includes(number)) this.denied.push(number);
  }

  private records(owner: Name | undefined, node: ZoneNode, type: number): void {
    const set = node.rrsets.get(type);
    if (set !== undefined) this.set(owner ?? node.name, node, set);
  }

  private referral(node: ZoneNode): void {
    const { writer, zone } = this;
    const servers = node.rrsets.get(TYPE.NS)!;
    writer.authority();
    for (const data of servers.data) writer.record(node.name, TYPE.NS, servers.ttl, data);
    if (node.rrsets.has(TYPE.DS)) {
      if (this.secure) this.records(undefined, node, TYPE.DS);
    } else this.deny(lowerName(node.name));
    const cut = lowerName(node.name);
    const names = servers.data.map((data) => lowerName(data)).filter((name) => isWithin(name, zone.apex));
    this.finish = () => {
      writer.additional();
      // RFC 9471 2.1: the addresses of servers below the cut must be there; others may.
      for (const name of names.filter((one) => isWithin(one, cut))) this.addressesOf(name);
      writer.optional();
      for (const name of names.filter((one) => !isWithin(one, cut))) this.addressesOf(name);
      this.finish = () => undefined;
    };
  }

  /** The addresses of name servers, if the zone has them. */
  private addresses(servers: RRset): void {
    this.finish = () => {
      this.writer.additional();
      this.writer.optional();
      for (const data of servers.data) this.addressesOf(lowerName(data));
      this.finish = () => undefined;
    };
  }

  private addressesOf(name: Name): void {
    const node = isWithin(name, this.zone.apex) ? this.zone.nodes.get(nameKey(name)) : undefined;
    if (node === undefined) return;
    this.records(undefined, node, TYPE.A);
    this.records(undefined, node, TYPE.AAAA);
  }
}
