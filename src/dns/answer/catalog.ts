/** The zones of a server, and the answer to a question out of them, found without allocation. */
import { MAX_LABELS, TYPE } from '../wire/constants.js';
import type { Query } from '../wire/query.js';
import type { Answer } from './answer-writer.js';
import type { AnsweredName, AnsweredZone, Pair } from './compile.js';
import { hashName, NameTable } from './name-table.js';

export class Catalog {
  private readonly apexes: NameTable<AnsweredZone>;
  private readonly hashes = new Int32Array(MAX_LABELS + 1);
  // What `find` found.
  zone: AnsweredZone | undefined = undefined;
  answer: Answer | undefined = undefined;
  /** Numbers of the NSEC records that are to be added; -1: none. */
  denial = -1;
  wildcardDenial = -1;

  /** No two of the same name. */
  constructor(readonly zones: readonly AnsweredZone[]) {
    this.apexes = new NameTable(zones.map((one) => [one.zone.apex, one]));
  }

  /** Sets the fields above for the question; false: no zone has its name. The class was looked at before. */
  find(query: Query): boolean {
    this.answer = undefined;
    this.denial = this.wildcardDenial = -1;
    const label = this.findZone(query);
    if (this.zone === undefined) return false;
    this.findIn(this.zone, label, query);
    return true;
  }

  /** The zone by its own name, as transfers ask for it. */
  zoneOf(query: Query): AnsweredZone | undefined {
    const label = this.findZone(query);
    return label === 0 ? this.zone : undefined;
  }

  /** Sets `zone` to the one that is nearest above the name; returns the label at which its own name begins. */
  private findZone(query: Query): number {
    const { name, nameLength, starts, labels, type } = query;
    const { hashes, apexes } = this;
    hashName(name, nameLength, starts, labels, hashes);
    let fallback: AnsweredZone | undefined;
    for (let label = 0; label <= labels; label++) {
      const start = label === labels ? nameLength - 1 : starts[label];
      const zone = apexes.find(name, start, nameLength, hashes[label]);
      if (zone === undefined) continue;
      this.zone = zone;
      // RFC 4035 3.1.4.1: the DS set is the parent's, if that is here, too.
      if (type !== TYPE.DS || label !== 0) return label;
      fallback = zone;
    }
    this.zone = fallback;
    return 0;
  }

  private findIn(zone: AnsweredZone, apexLabel: number, query: Query): void {
    const { name, nameLength, starts, labels, type, dnssecOk } = query;
    const { hashes } = this;
    for (let label = 0; label <= apexLabel; label++) {
      const start = label === labels ? nameLength - 1 : starts[label];
      const found = zone.names.find(name, start, nameLength, hashes[label]);
      if (found === undefined) continue;
      const pair = label === 0 ? exact(found, type) : this.below(zone, found, query);
      this.answer = dnssecOk ? pair.secure : pair.plain;
      return;
    }
  }

  /** For a name that is not there; `encloser` is the nearest above it that is. */
  private below(zone: AnsweredZone, encloser: AnsweredName, query: Query): Pair {
    if (encloser.referral !== undefined) return encloser.other;
    if (query.dnssecOk) this.denial = zone.denials.find(query.name, query.starts, query.labels);
    if (encloser.wildcard !== undefined) return exact(encloser.wildcard, query.type);
    if (query.dnssecOk) this.wildcardDenial = encloser.wildcardDenial;
    return zone.notThere;
  }
}

function exact(found: AnsweredName, type: number): Pair {
  const { referral } = found;
  const own = type === TYPE.ANY && referral === undefined ? found.any : found.answers.get(type);
  return own ?? referral ?? found.other;
}
