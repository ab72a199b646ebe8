/**
 * What a server answered, read with bounds: names of at most 255 bytes, pointers backwards only, counts that the
 * message must have room for.
 */
import { HEADER, MAX_NAME, RCODE, TYPE } from '../wire/constants.js';
import { lowerName, type Name, nameKey, sameBytes } from '../wire/name.js';
import { ByteWriter, u16At, u32At } from '../wire/writer.js';
import { layoutOf } from '../zone/layout.js';
import { minimumOf } from '../zone/zone.js';

/** RFC 8767 4: seconds that an answer is kept at most, and one that there is nothing (RFC 2308 5). */
const MOST = 86_400;
const MOST_NEGATIVE = 10_800;
/** Aliases that one message may lead through. */
const MAX_CHAIN = 16;

export interface Response {
  readonly rcode: number;
  readonly truncated: boolean;
  /** Data of the records at the end of the chain of aliases, without compression. */
  readonly data: readonly Uint8Array[];
  /** Where the chain ends, in small letters. */
  readonly name: Name;
  /** Seconds that it may be kept; 0: not at all. */
  readonly ttl: number;
  /**
   * It says that there is no such data (an SOA record came along, or NXDOMAIN), and not merely that an alias leads on.
   */
  readonly negative: boolean;
}

interface Answer {
  readonly owner: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

/** `question`: name, type and class as they were sent. Undefined: the message is malformed. */
export function readResponse(message: Uint8Array, question: Uint8Array): Response | undefined {
  const type = u16At(question, question.length - 4);
  const sections = readSections(message, HEADER + question.length);
  if (sections === undefined) return undefined;
  const [answers, authorities] = sections;
  const flags = u16At(message, 2);
  let name = lowerName(question.subarray(0, question.length - 4));
  let ttl = MOST;
  let data: Uint8Array[] = [];
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    const owned = answers.filter(({ owner }) => owner === nameKey(name));
    const found = owned.filter((one) => one.type === type);
    for (const one of found) ttl = Math.min(ttl, one.ttl);
    data = found.map((one) => one.data);
    const alias = found.length === 0 ? owned.find((one) => one.type === TYPE.CNAME) : undefined;
    if (alias === undefined) break;
    ttl = Math.min(ttl, alias.ttl);
    name = lowerName(alias.data);
  }
  const rcode = flags & 15;
  const soa = authorities.find((one) => one.type === TYPE.SOA);
  const negative = data.length === 0 && (rcode === RCODE.nxDomain || soa !== undefined);
  if (data.length === 0) ttl = soa === undefined ? 0 : Math.min(ttl, soa.ttl, minimumOf(soa.data), MOST_NEGATIVE);
  return { rcode, truncated: (flags & 0x0200) !== 0, data, name, ttl, negative };
}

/** Records of the answer and the authority section; undefined: malformed. */
function readSections(message: Uint8Array, from: number): [Answer[], Answer[]] | undefined {
  const sections: [Answer[], Answer[]] = [[], []];
  let at = from;
  for (const [i, section] of sections.entries()) {
    // A record has 11 bytes at least, and the loop ends where the message does.
    for (let left = u16At(message, 6 + 2 * i); left > 0; left--) {
      const owner = expandName(message, at, message.length);
      if (owner === undefined || owner.end + 10 > message.length) return undefined;
      const start = owner.end + 10;
      const end = start + u16At(message, start - 2);
      if (end > message.length) return undefined;
      const type = u16At(message, owner.end);
      const data = expandData(message, type, start, end);
      if (data === undefined) return undefined;
      const ttl = u32At(message, owner.end + 4);
      // RFC 2181 8: with the highest bit it counts as 0.
      section.push({ owner: nameKey(owner.name), type, ttl: ttl > 0x7fff_ffff ? 0 : ttl, data });
      at = end;
    }
  }
  return sections;
}

/** The name at `at` with its pointers followed; `end`: behind it. Undefined: there is none. */
function expandName(message: Uint8Array, at: number, limit: number): { name: Name; end: number } | undefined {
  const bytes: number[] = [];
  let end = -1;
  let place = at;
  // Each pointer leads to a place before the one where the last began, so that they come to an end.
  let lowest = at;
  for (;;) {
    if (place >= limit) return undefined;
    const length = message[place];
    if (length >= 0xc0) {
      if (place + 1 >= limit) return undefined;
      const target = u16At(message, place) & 0x3fff;
      if (end < 0) end = place + 2;
      if (target >= lowest || target < HEADER) return undefined;
      lowest = place = target;
      continue;
    }
    if (length >= 0x40 || place + length + 1 > limit || bytes.length + length + 1 > MAX_NAME) return undefined;
    for (let i = 0; i <= length; i++) bytes.push(message[place + i]);
    place += length + 1;
    if (length === 0) return { name: Uint8Array.from(bytes), end: end < 0 ? place : end };
  }
}

/** Data with the names in it written out, for types whose layout is known. */
function expandData(message: Uint8Array, type: number, start: number, end: number): Uint8Array | undefined {
  const layout = layoutOf(type);
  if (layout?.compress !== true) return message.slice(start, end);
  const out = new ByteWriter();
  let at = start;
  for (const field of layout.fields) {
    if (field === 'name') {
      const name = expandName(message, at, end);
      if (name === undefined) return undefined;
      out.bytes(name.name);
      at = name.end;
    } else {
      const size = field === 'u16' ? 2 : 4;
      if (at + size > end) return undefined;
      out.bytes(message.subarray(at, at + size));
      at += size;
    }
  }
  return at === end ? out.done() : undefined;
}

/** Whether a message answers a query with this identifier and question, its case included (RFC 5452 9). */
export function answersTo(message: Uint8Array, id: number, question: Uint8Array): boolean {
  const end = HEADER + question.length;
  if (message.length < end || u16At(message, 0) !== id || u16At(message, 4) !== 1) return false;
  // QR, and the opcode of a query.
  if ((u16At(message, 2) & 0xf800) !== 0x8000) return false;
  return sameBytes(message.subarray(HEADER, end), question);
}
