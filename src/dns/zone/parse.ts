/** A zone file (RFC 1035 5, RFC 2308 4) into records. It reads on after an error, so that one run names all of them. */
import { CLASS, isMetaType, TYPE, typeName, typeNumber } from '../wire/constants.js';
import { labelStarts, lowerName, type Name } from '../wire/name.js';
import { readData } from './data.js';
import { type Entry, readEntries, type Token } from './entries.js';
import { EntryError, type Place, type Problem } from './problem.js';
import { nameOfToken, secondsOf, Words } from './words.js';

export interface ZoneRecord extends Place {
  readonly owner: Name;
  readonly type: number;
  /** Seconds, 0 to 2^31 - 1. */
  readonly ttl: number;
  /** On the wire, without compression; undefined: `@SELF`, what the server knows of itself. */
  readonly data: Uint8Array | undefined;
}

export interface ZoneFile {
  /** In the order of the file. */
  readonly records: readonly ZoneRecord[];
  readonly problems: readonly Problem[];
}

/** After these it stops: the rest follows from them. */
const MAX_PROBLEMS = 50;
const CLASSES: Readonly<Record<string, number>> = {
  IN: CLASS.in,
  CH: CLASS.ch,
  HS: 4,
  CS: 2,
  NONE: CLASS.none,
  ANY: CLASS.any,
};
/** Types that may be `@SELF`. */
const OF_SELF: readonly number[] = [TYPE.A, TYPE.AAAA, TYPE.HTTPS, TYPE.CAA];
/** What the server makes by itself, and refuses in a file. */
const MADE: ReadonlyMap<number, string> = new Map([
  [TYPE.RRSIG, 'the server signs by itself (--dnssec); leave signatures out'],
  [TYPE.NSEC, 'the server makes NSEC records by itself (--dnssec); leave them out'],
  [TYPE.NSEC3, 'the server makes NSEC records by itself (--dnssec); leave NSEC3 out'],
  [TYPE.NSEC3PARAM, 'the server makes NSEC records by itself (--dnssec); leave NSEC3PARAM out'],
  [TYPE.DNAME, 'DNAME is not supported; write a CNAME for each name'],
]);

class Parser {
  readonly records: ZoneRecord[] = [];
  readonly problems: Problem[] = [];
  private owner: Name | undefined;
  private ttl: number | undefined;
  /** RFC 1035 5.1: without $TTL, the last TTL that was written. */
  private lastTtl: number | undefined;

  constructor(private origin: Name | undefined) {}

  note(place: Place, message: string): void {
    if (this.problems.length > MAX_PROBLEMS) return;
    const more = this.problems.length === MAX_PROBLEMS;
    const { line, column } = place;
    this.problems.push({ line, column, severity: 'error', message: more ? 'more errors follow' : message });
  }

  take(entry: Entry): void {
    if (this.problems.length > MAX_PROBLEMS) return;
    try {
      const first = entry.tokens[0]!;
      if (!entry.continues && !first.quoted && first.text.startsWith('$')) this.directive(first, entry.tokens.slice(1));
      else this.record(entry);
    } catch (error) {
      if (!(error instanceof EntryError)) throw error;
      this.note(error.place, error.message);
    }
  }

  private directive(directive: Token, rest: readonly Token[]): void {
    const words = new Words(rest, this.origin, endOf(directive));
    switch (directive.text.toUpperCase()) {
      case '$ORIGIN':
        this.origin = words.name('the origin');
        return words.finish();
      case '$TTL':
        this.ttl = words.seconds('the TTL');
        return words.finish();
      case '$INCLUDE':
        throw new EntryError('$INCLUDE is refused: a zone is one file; put the records here', directive);
      case '$GENERATE':
        throw new EntryError('$GENERATE is refused: write the records that it stands for', directive);
      default:
        throw new EntryError(`${directive.text} is no directive; there are $ORIGIN and $TTL`, directive);
    }
  }

  private record(entry: Entry): void {
    const { tokens } = entry;
    let at = 0;
    if (!entry.continues) {
      this.owner = undefined;
      this.owner = nameOfToken(tokens[0]!, this.origin);
      at = 1;
    }
    const { owner } = this;
    if (owner === undefined) throw new EntryError('no record before this one gives its owner; write it first', entry);
    checkOwner(owner, tokens[0]!);
    let ttl: number | undefined;
    let sawClass = false;
    let type: number | undefined;
    // RFC 1035 5.1: [TTL] [class] type, or [class] [TTL] type.
    for (; at < tokens.length && type === undefined; at++) {
      const token = tokens[at]!;
      const word = token.quoted ? '' : token.text;
      const seconds = ttl === undefined ? secondsOf(word) : undefined;
      if (seconds !== undefined) ttl = seconds;
      else if (!sawClass && Object.hasOwn(CLASSES, word.toUpperCase())) {
        if (CLASSES[word.toUpperCase()] !== CLASS.in)
          throw new EntryError(`the class ${word} is not served; write IN`, token);
        sawClass = true;
      } else type = typeOf(token);
    }
    if (type === undefined)
      throw new EntryError(
        'the type is missing; a record is OWNER TTL IN TYPE DATA',
        endOf(tokens[tokens.length - 1]!),
      );
    const words = new Words(tokens.slice(at), this.origin, endOf(tokens[tokens.length - 1]!));
    const { line, column } = tokens[0]!;
    const data = self(type, words) ? undefined : readData(type, words);
    this.records.push({ owner, type, ttl: this.ttlOf(ttl, type, data, entry), data, line, column });
  }

  private ttlOf(given: number | undefined, type: number, data: Uint8Array | undefined, place: Place): number {
    // RFC 1035 3.3.13: an SOA's own MINIMUM stands for the TTL that nothing else gives.
    const minimum =
      type === TYPE.SOA && data !== undefined ? new DataView(data.buffer).getUint32(data.length - 4) : undefined;
    const ttl = given ?? this.ttl ?? this.lastTtl ?? minimum;
    if (ttl === undefined)
      throw new EntryError('nothing gives the TTL; write $TTL 3600 before the first record', place);
    this.lastTtl = ttl;
    return ttl;
  }
}

/** Whether the data is `@SELF`. */
function self(type: number, words: Words): boolean {
  const token = words.peek;
  if (token === undefined || token.quoted || token.text.toUpperCase() !== '@SELF' || words.left !== 1) return false;
  if (OF_SELF.includes(type)) return true;
  throw new EntryError(
    `@SELF is for ${OF_SELF.map(typeName).join(', ')}; of ${typeName(type)} the server knows nothing`,
    token,
  );
}

function typeOf(token: Token): number {
  const type = token.quoted ? undefined : typeNumber(token.text);
  if (type === undefined)
    throw new EntryError(`"${token.text}" is no type; unknown ones are written TYPE and their number`, token);
  if (isMetaType(type)) throw new EntryError(`${typeName(type)} is for questions, and no data of a zone`, token);
  const advice = MADE.get(type);
  if (advice !== undefined) throw new EntryError(advice, token);
  return type;
}

/**
 * RFC 4592 2.1.1: an asterisk is a wildcard as the whole first label only. Elsewhere it is a letter like others, and
 * mostly an error.
 */
function checkOwner(owner: Name, token: Token): void {
  for (const start of labelStarts(owner).slice(1)) {
    if (owner[start] === 1 && owner[start + 1] === 0x2a)
      throw new EntryError(
        '"*" is a wildcard as the first label only; elsewhere it stands for itself: leave it out',
        token,
      );
  }
}

function endOf(token: Token): Place {
  return { line: token.line, column: token.column + token.text.length + (token.quoted ? 2 : 0) };
}

/** `bytes`: of the file. `origin`: what names are completed with until `$ORIGIN`. */
export function parseZone(bytes: Uint8Array, origin: Name | undefined): ZoneFile {
  const parser = new Parser(origin);
  const text = latin1(bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes);
  readEntries(
    text,
    (entry) => parser.take(entry),
    (error) => parser.note(error.place, error.message),
  );
  return { records: parser.records, problems: parser.problems };
}

/** The origin that the name of a file gives: `example.org.zone` is about `example.org`. */
export function originOfFile(file: string): string | undefined {
  const match = /^(?:.*[/\\])?([A-Za-z0-9_][A-Za-z0-9_.-]*)\.zone$/.exec(file);
  return match === null ? undefined : `${match[1]}.`;
}

/** One character a byte. */
function latin1(bytes: Uint8Array): string {
  const PART = 8192;
  let text = '';
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return text;
}

/** The name of a zone: the owner of its SOA record, in small letters. */
export function apexOf(records: readonly ZoneRecord[]): Name | undefined {
  const soa = records.find((record) => record.type === TYPE.SOA);
  return soa && lowerName(soa.owner);
}
