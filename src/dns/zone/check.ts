/** What a zone must be beyond the grammar: complete, and without contradictions. */
import { TYPE, typeName } from '../wire/constants.js';
import { isWildcard, isWithin, lowerName, type Name, nameKey, nameText, parentOf } from '../wire/name.js';
import { oddCaa } from './caa.js';
import { namesIn } from './layout.js';
import type { ZoneRecord } from './parse.js';
import type { Problem } from './problem.js';
import { cutOf } from './zone.js';

interface Node {
  readonly rrsets: Map<number, ZoneRecord[]>;
}

/** RFC 2181 10.3, RFC 1034 3.6.2: names in these are of hosts, and no aliases. */
const TO_HOSTS: readonly number[] = [TYPE.NS, TYPE.MX, TYPE.SRV];

/** What is wrong with the records of a zone file. Without errors `makeZone` can be given them. */
export function checkZone(records: readonly ZoneRecord[], apex: Name): Problem[] {
  const problems: Problem[] = [];
  const note = (severity: Problem['severity'], { line, column }: ZoneRecord, message: string): void => {
    problems.push({ severity, line, column, message });
  };
  const nodes = new Map<string, Node>();
  for (const record of records) {
    const name = lowerName(record.owner);
    if (!isWithin(name, apex)) {
      note(
        'error',
        record,
        `${nameText(record.owner)} is not within the zone ${nameText(apex)}; is a dot missing, or one too many?`,
      );
      continue;
    }
    const key = nameKey(name);
    const node = nodes.get(key) ?? { rrsets: new Map<number, ZoneRecord[]>() };
    nodes.set(key, node);
    const set = node.rrsets.get(record.type);
    if (set === undefined) node.rrsets.set(record.type, [record]);
    else set.push(record);
  }
  const checks = new Checks(nodes, apex, note);
  checks.apex(records[0]);
  for (const node of nodes.values()) checks.node(node);
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

type Note = (severity: Problem['severity'], at: ZoneRecord, message: string) => void;

class Checks {
  constructor(
    private readonly nodes: ReadonlyMap<string, Node>,
    private readonly zone: Name,
    private readonly note: Note,
  ) {}

  apex(first: ZoneRecord | undefined): void {
    const sets = this.nodes.get(nameKey(this.zone))?.rrsets;
    const soa = sets?.get(TYPE.SOA);
    const at = soa?.[0] ?? first;
    if (at === undefined) return;
    // RFC 1035 5.2: one SOA record, at the top of the zone.
    for (const extra of soa?.slice(1) ?? []) this.note('error', extra, 'the zone has a second SOA record; leave one');
    if (sets?.has(TYPE.NS) !== true)
      this.note('error', at, `${nameText(this.zone)} has no NS record; write one for each name server`);
    if (sets?.has(TYPE.CNAME) === true) return;
    if (sets?.has(TYPE.DS) === true)
      this.note('error', sets.get(TYPE.DS)![0]!, 'a DS record at the top of a zone belongs to the zone above');
  }

  node(node: Node): void {
    const { rrsets } = node;
    const alias = rrsets.get(TYPE.CNAME);
    if (alias !== undefined) this.alias(alias, rrsets);
    for (const [type, set] of rrsets) {
      const first = set[0]!;
      if (type === TYPE.SOA && !isApex(first.owner, this.zone))
        this.note('error', first, `an SOA record below ${nameText(this.zone)}; it has a zone of its own`);
      if (set.some((one) => one.ttl !== first.ttl))
        // RFC 2181 5.2.
        this.note(
          'warning',
          first,
          `the ${typeName(type)} records of ${nameText(first.owner)} differ in TTL; the least is taken`,
        );
      if (set.length > 1 && set.some((one) => one.data === undefined))
        this.note(
          'error',
          first,
          `${nameText(first.owner)} ${typeName(type)}: @SELF stands alone; leave the others out`,
        );
      for (const record of set) this.record(record);
    }
    this.delegation(node);
  }

  private alias(alias: readonly ZoneRecord[], rrsets: ReadonlyMap<number, ZoneRecord[]>): void {
    // RFC 1034 3.6.2, RFC 2181 10.1.
    const [first, second] = alias;
    const name = nameText(first!.owner);
    const distinct = second !== undefined && alias.some((one) => one.data!.join() !== first!.data!.join());
    if (distinct) this.note('error', second, `${name} has two CNAME records; an alias has one name`);
    const other = [...rrsets.keys()].find((type) => type !== TYPE.CNAME);
    if (other === undefined) return;
    const advice = rrsets.has(TYPE.SOA) ? 'at the top of a zone write A and AAAA, or HTTPS' : 'leave one of them out';
    this.note('error', first!, `${name} has a CNAME record and one of ${typeName(other)}; ${advice}`);
  }

  private record(record: ZoneRecord): void {
    const { type, data } = record;
    if (data === undefined) return;
    if (type === TYPE.CNAME) this.chain(record);
    const odd = type === TYPE.CAA ? oddCaa(data) : undefined;
    if (odd !== undefined) this.note('warning', record, odd);
    if (!TO_HOSTS.includes(type)) return;
    for (const name of namesIn(type, data)) this.host(record, lowerName(name));
  }

  private host(record: ZoneRecord, target: Name): void {
    const what = typeName(record.type);
    if (target.length === 1 || !isWithin(target, this.zone)) return;
    const cut = cutOf(this.nodes, this.zone, target);
    const node = this.nodes.get(nameKey(target));
    const severity = record.type === TYPE.NS ? 'error' : 'warning';
    if (node?.rrsets.has(TYPE.CNAME) === true) {
      this.note(
        severity,
        record,
        `the ${what} record leads to ${nameText(target)}, which is an alias; write the name that it stands for`,
      );
    } else if (!hasAddress(node) && cut === undefined && !this.wildcardAddress(target)) {
      this.note(
        severity,
        record,
        `the ${what} record leads to ${nameText(target)}, which has no address here; write an A or AAAA record`,
      );
    } else if (
      record.type === TYPE.NS &&
      cut !== undefined &&
      !hasAddress(node) &&
      isWithin(target, lowerName(record.owner))
    ) {
      // RFC 9471 2.1: without glue it cannot be found.
      this.note(
        'error',
        record,
        `${nameText(target)} is below the delegation that it serves, and has no address here (glue)`,
      );
    }
  }

  private wildcardAddress(name: Name): boolean {
    for (let at = name; at.length > this.zone.length; at = parentOf(at)) {
      if (at !== name && this.nodes.has(nameKey(at))) return false;
      const star = this.nodes.get(`\u0001*${nameKey(parentOf(at))}`);
      if (star !== undefined) return hasAddress(star) || star.rrsets.has(TYPE.CNAME);
    }
    return false;
  }

  /** A chain of aliases that comes back to itself has no end. */
  private chain(record: ZoneRecord): void {
    let name = lowerName(record.data!);
    const seen = new Set([nameKey(record.owner)]);
    for (;;) {
      const key = nameKey(name);
      if (seen.has(key)) {
        if (key === nameKey(record.owner))
          this.note('warning', record, `the alias ${nameText(record.owner)} leads back to itself`);
        return;
      }
      seen.add(key);
      const next = this.nodes.get(key)?.rrsets.get(TYPE.CNAME)?.[0]?.data;
      if (next === undefined) return;
      name = lowerName(next);
    }
  }

  private delegation(node: Node): void {
    const servers = node.rrsets.get(TYPE.NS)?.[0];
    const first = [...node.rrsets.values()][0]?.[0];
    if (first === undefined || isApex(first.owner, this.zone)) return;
    const name = lowerName(first.owner);
    if (servers !== undefined && isWildcard(name))
      // RFC 4592 4.2.
      return this.note('error', servers, 'a wildcard cannot be delegated; write the names that are');
    if (node.rrsets.has(TYPE.DS) && servers === undefined)
      this.note(
        'error',
        node.rrsets.get(TYPE.DS)![0]!,
        `${nameText(name)} has a DS record and is not delegated; write its NS records`,
      );
    const cut = cutOf(this.nodes, this.zone, name);
    if (cut === undefined) return;
    for (const [type, [record]] of node.rrsets) {
      const kept = isSame(cut, name) ? type === TYPE.NS || type === TYPE.DS : false;
      if (kept || type === TYPE.A || type === TYPE.AAAA) continue;
      this.note(
        'warning',
        record!,
        `${nameText(name)} is delegated at ${nameText(cut)}: its ${typeName(type)} record is never served`,
      );
    }
  }
}

function isApex(owner: Name, zone: Name): boolean {
  return owner.length === zone.length;
}

function isSame(a: Name, b: Name): boolean {
  return nameKey(a) === nameKey(b);
}

function hasAddress(node: Node | undefined): boolean {
  return node !== undefined && (node.rrsets.has(TYPE.A) || node.rrsets.has(TYPE.AAAA));
}
