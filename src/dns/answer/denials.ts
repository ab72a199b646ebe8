/**
 * The NSEC records of a signed zone in canonical order, to find the one that proves that a name is not there (RFC 4034
 * 4, RFC 4035 3.1.3).
 */
import { TYPE } from '../wire/constants.js';
import { compareNames, labelStarts, lowerByte, lowerName, type Name } from '../wire/name.js';
import { ByteWriter } from '../wire/writer.js';
import type { Zone, ZoneNode } from '../zone/zone.js';

interface Denial {
  /** In small letters. */
  readonly name: Name;
  readonly starts: Uint8Array;
  readonly node: ZoneNode;
  /** The NSEC record and its signature, without compression. */
  readonly bytes: Uint8Array;
}

/** Records of one denial: NSEC and RRSIG. */
export const RECORDS_A_DENIAL = 2;

export class Denials {
  private readonly all: readonly Denial[];

  constructor(zone: Zone) {
    this.all = [...zone.nodes.values()]
      .filter((node) => node.rrsets.has(TYPE.NSEC))
      .map((node) => ({ node, name: lowerName(node.name) }))
      .sort((a, b) => compareNames(a.name, b.name))
      .map(({ node, name }) => ({ node, name, starts: Uint8Array.from(labelStarts(name)), bytes: recordsOf(node) }));
  }

  bytes(number: number): Uint8Array {
    return this.all[number]!.bytes;
  }

  node(number: number): ZoneNode {
    return this.all[number]!.node;
  }

  /**
   * The number of the record that is of `name`, or covers it: that of the last name before it. -1: the zone is not
   * signed.
   */
  of(name: Name): number {
    const starts = Uint8Array.from(labelStarts(name));
    return this.find(name, starts, starts.length);
  }

  /** The same for a name whose labels begin at `starts[0..labels)`. */
  find(name: Uint8Array, starts: Uint8Array, labels: number): number {
    const { all } = this;
    let low = 0;
    let high = all.length - 1;
    // The apex is the first, and no name of the zone is before it.
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const { name: other, starts: theirs } = all[middle]!;
      if (order(name, starts, labels, other, theirs) >= 0) low = middle;
      else high = middle - 1;
    }
    return all.length === 0 ? -1 : low;
  }
}

/** Canonical order (RFC 4034 6.1) of names in small letters. */
function order(a: Uint8Array, aStarts: Uint8Array, labels: number, b: Uint8Array, bStarts: Uint8Array): number {
  let i = labels - 1;
  let j = bStarts.length - 1;
  for (; i >= 0 && j >= 0; i--, j--) {
    const at = aStarts[i];
    const other = bStarts[j];
    const length = Math.min(a[at], b[other]);
    for (let k = 1; k <= length; k++) {
      const difference = lowerByte(a[at + k]) - b[other + k];
      if (difference !== 0) return difference;
    }
    if (a[at] !== b[other]) return a[at] - b[other];
  }
  return i - j;
}

function recordsOf(node: ZoneNode): Uint8Array {
  const out = new ByteWriter();
  const set = node.rrsets.get(TYPE.NSEC)!;
  for (const [type, data] of [
    [TYPE.NSEC, set.data[0]!],
    [TYPE.RRSIG, node.signatures!.get(TYPE.NSEC)!],
  ] as const) {
    out.bytes(node.name);
    out.u16(type);
    out.u16(1);
    out.u32(set.ttl);
    out.u16(data.length);
    out.bytes(data);
  }
  return out.done();
}
