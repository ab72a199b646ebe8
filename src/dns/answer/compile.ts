/** A zone as its answers: for each name and type one that is ready, and one for what is not there. */
import { TYPE } from '../wire/constants.js';
import { isWildcard, isWithin, lowerName, type Name, nameKey } from '../wire/name.js';
import { cutOf, type Zone, type ZoneNode } from '../zone/zone.js';
import type { Answer } from './answer-writer.js';
import { Composer, findName } from './compose.js';
import { Denials } from './denials.js';
import { NameTable } from './name-table.js';

/** `secure`: for queries with DO; the same where the zone is not signed. */
export interface Pair {
  readonly plain: Answer;
  readonly secure: Answer;
}

export interface AnsweredName {
  /** At a delegation, or below one: every question but that for DS at the cut leads there. */
  readonly referral: Pair | undefined;
  readonly answers: ReadonlyMap<number, Pair>;
  /** For every other type. */
  readonly other: Pair;
  /** RFC 8482 4.1: one set of those that are there. */
  readonly any: Pair;
  /** `*` below this name. */
  wildcard: AnsweredName | undefined;
  /** The NSEC record that is of `*` below this name, or covers it; -1: the zone is not signed. */
  readonly wildcardDenial: number;
}

export interface AnsweredZone {
  readonly zone: Zone;
  readonly names: NameTable<AnsweredName>;
  readonly notThere: Pair;
  readonly denials: Denials;
  /** Bytes of all answers. */
  readonly size: number;
}

/** Types that "any" means last: they say nothing of a service. */
const LAST: readonly number[] = [TYPE.RRSIG, TYPE.NSEC, TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY, TYPE.SOA, TYPE.NS];
const NO_ANSWERS: ReadonlyMap<number, Pair> = new Map();

export function compileZone(zone: Zone): AnsweredZone {
  return new Compiler(zone).compile();
}

class Compiler {
  private readonly denials: Denials;
  private readonly composer: Composer;
  private readonly signed: boolean;
  private size = 0;

  constructor(private readonly zone: Zone) {
    this.denials = new Denials(zone);
    this.composer = new Composer(zone, this.denials);
    this.signed = this.denials.of(zone.apex) >= 0;
  }

  compile(): AnsweredZone {
    const { zone, denials } = this;
    const referrals = new Map<string, Pair>();
    const found = new Map<string, AnsweredName>();
    const entries: [Name, AnsweredName][] = [];
    for (const [key, node] of zone.nodes) {
      const name = lowerName(node.name);
      const cut = cutOf(zone.nodes, zone.apex, name);
      const answered = cut === undefined ? this.name(name, node) : this.below(name, cut, referrals);
      found.set(key, answered);
      entries.push([name, answered]);
    }
    for (const [name, answered] of entries)
      if (isWildcard(name)) found.get(nameKey(name.subarray(2)))!.wildcard = answered;
    const notThere = this.pair((secure) => this.composer.notThere(secure));
    return { zone, names: new NameTable(entries), notThere, denials, size: this.size };
  }

  private pair(make: (secure: boolean) => Answer): Pair {
    const plain = make(false);
    const secure = this.signed ? make(true) : plain;
    this.size += plain.tail.length + (this.signed ? secure.tail.length : 0);
    return { plain, secure };
  }

  private answer(name: Name, type: number): Pair {
    return this.pair((secure) => this.composer.answer(name, type, secure));
  }

  private below(name: Name, cut: Name, referrals: Map<string, Pair>): AnsweredName {
    const key = nameKey(cut);
    let referral = referrals.get(key);
    if (referral === undefined) {
      referral = this.answer(cut, TYPE.NS);
      referrals.set(key, referral);
    }
    // A name below the cut has a question of its own length, and the pointers to the zone move: the answer is made for
    // a wildcard.
    const under = name.length === cut.length ? referral : this.under(cut, referrals);
    const answers =
      name.length === cut.length ? new Map([[TYPE.DS as number, this.answer(name, TYPE.DS)]]) : NO_ANSWERS;
    return {
      referral: under,
      answers,
      other: this.under(cut, referrals),
      any: under,
      wildcard: undefined,
      wildcardDenial: -1,
    };
  }

  /** The referral for any name below a cut. */
  private under(cut: Name, referrals: Map<string, Pair>): Pair {
    const star = Uint8Array.from([1, 0x2a, ...cut]);
    const key = nameKey(star);
    let referral = referrals.get(key);
    if (referral === undefined) {
      referral = this.answer(star, TYPE.NS);
      referrals.set(key, referral);
    }
    return referral;
  }

  private name(name: Name, node: ZoneNode): AnsweredName {
    const answers = new Map<number, Pair>();
    for (const type of this.typesAt(name)) answers.set(type, this.answer(name, type));
    // Type 0 is never data.
    const other = this.answer(name, 0);
    const types = [...node.rrsets.keys()];
    const rank = (type: number): number => (LAST.includes(type) ? 1000 + LAST.length - LAST.indexOf(type) : type);
    const first = types.sort((a, b) => rank(a) - rank(b))[0];
    if (first !== undefined && node.signatures?.has(first))
      answers.set(
        TYPE.RRSIG,
        this.pair(() => this.composer.signature(name, node, first)),
      );
    const any = first === undefined ? other : answers.get(first)!;
    const wildcardDenial = this.denials.of(Uint8Array.from([1, 0x2a, ...name]));
    return { referral: undefined, answers, other, any, wildcard: undefined, wildcardDenial };
  }

  /** Types of the name, and those that its alias leads to. */
  private typesAt(from: Name): Set<number> {
    const { zone } = this;
    const types = new Set<number>();
    const seen = new Set<string>();
    for (let name = from; isWithin(name, zone.apex) && !seen.has(nameKey(name)); ) {
      seen.add(nameKey(name));
      const found = findName(zone, name);
      if (found.kind === 'none') break;
      // An alias that leads to a cut gives the same for all types, but for DS.
      for (const type of found.kind === 'cut' ? [TYPE.DS] : found.node.rrsets.keys()) types.add(type);
      const alias = found.node.rrsets.get(TYPE.CNAME);
      if (alias === undefined || found.kind === 'cut') break;
      name = lowerName(alias.data[0]!);
    }
    return types;
  }
}
