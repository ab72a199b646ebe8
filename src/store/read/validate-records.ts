/**
 * The records of a bundle, validated in one pass over each table. A start runs this once, before anything of it is
 * compiled: hence plain loops over words, without a call for each field.
 */
import { endianness } from 'node:os';
import type { BundleBytes } from '../bundle/bundle-bytes.js';
import type { Section } from '../format/bundle-header.js';
import {
  ANSWER_BYTES,
  CODINGS,
  KEY_BYTES,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  KIND_RESOURCE,
  LONGEST_FIELDS,
  LONGEST_HEAD,
  LONGEST_RUN,
  LONGEST_TEXT,
  MOST_LANGUAGES,
  REP,
  REP_BYTES,
  SLOT_BYTES,
} from '../format/format.js';
import { highBits } from '../format/layout-numbers.js';
import type { HeadTexts } from './head-texts.js';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const BIG_ENDIAN = endianness() === 'BE';

/** Records between two looks at the clock. */
const STEP = 512;
/** Words of a record. */
const SLOT = SLOT_BYTES / 4;
const KEY = KEY_BYTES / 4;
const ANSWER = ANSWER_BYTES / 4;
const REPRESENTATION = REP_BYTES / 4;
const HEADS_FROM = REP.heads[0] / 4;
const HEADS_TO = REP.heads[3] / 4;

/** What is wrong, in a few words. */
export class Contradiction extends Error {}

export class Records {
  private readonly keys: number;
  private readonly answers: number;
  private readonly reps: number;
  private readonly contentBytes: number;
  private readonly stringBytes: number;
  private readonly kindsAt: number;
  private readonly codingsAt: number;

  /** Throws a Contradiction where a table ends within a record. */
  constructor(
    private readonly bundle: BundleBytes,
    private readonly texts: HeadTexts,
  ) {
    const { header } = bundle;
    this.keys = count('keys', header.keys, KEY_BYTES);
    this.answers = count('answers', header.answers, ANSWER_BYTES);
    this.reps = count('representations', header.reps, REP_BYTES);
    count('slots', header.slots, SLOT_BYTES);
    this.contentBytes = header.content.end - header.content.at;
    this.stringBytes = header.strings.end - header.strings.at;
    this.kindsAt = header.answers.at;
    this.codingsAt = header.reps.at + REP.coding;
    must(header.files <= this.answers, 'it has fewer answers than files');
  }

  /** Validates every table; yields now and then. Throws a Contradiction. */
  *validate(): Generator<void, void> {
    const { header } = this.bundle;
    yield* this.slotsOf(header.slots);
    yield* this.pieces(header.reps, REP_BYTES, (words) => this.someReps(words));
    yield* this.pieces(header.answers, ANSWER_BYTES, (words, first) => this.someAnswers(words, first));
    yield* this.pieces(header.keys, KEY_BYTES, (words) => this.someKeys(words));
  }

  /** Whether there is an answer of this number that is a page. */
  leadsTo(answer: number): boolean {
    return answer < this.answers && this.kind(answer) !== KIND_REDIRECT;
  }

  private *pieces(
    { at, end }: Section,
    size: number,
    validate: (words: Uint32Array, first: number) => void,
  ): Generator<void, void> {
    for (let from = at; from < end; from += STEP * size) {
      yield;
      validate(this.words(from, Math.min(from + STEP * size, end)), (from - at) / size);
    }
  }

  /** The little-endian words of `[from, to)`; a copy where they cannot be seen in place. */
  private words(from: number, to: number): Uint32Array {
    const { buffer, byteOffset } = this.bundle.bytes;
    if ((byteOffset + from) % 4 === 0 && !BIG_ENDIAN)
      return new Uint32Array(buffer, byteOffset + from, (to - from) / 4);
    const copy = new Uint8Array(this.bundle.bytes.subarray(from, to));
    if (BIG_ENDIAN) Buffer.from(copy.buffer).swap32();
    return new Uint32Array(copy.buffer);
  }

  /** Each slot has a key or is empty, and a search takes a bounded number of steps. */
  private *slotsOf(section: Section): Generator<void, void> {
    const { keys } = this;
    let used = 0;
    let run = 0;
    let longest = 0;
    // The run at the beginning goes on from that at the end.
    let leading = -1;
    yield* this.pieces(section, SLOT_BYTES, (words) => {
      for (let i = 1; i < words.length; i += SLOT) {
        const key = words[i]!;
        if (key === 0) {
          if (leading < 0) leading = run;
          run = 0;
          continue;
        }
        if (key > keys) throw new Contradiction('a slot has no key');
        used++;
        run++;
        if (run > longest) longest = run;
      }
    });
    const slots = (section.end - section.at) / SLOT_BYTES;
    const around = run + Math.max(leading, 0);
    must(longest <= LONGEST_RUN && around <= LONGEST_RUN && used * 2 <= slots, 'its table of paths is too full');
  }

  private someKeys(words: Uint32Array): void {
    const { answers, stringBytes } = this;
    for (let i = 0; i < words.length; i += KEY) {
      if (words[i]! + (words[i + 1]! & 0xffff) > stringBytes) throw new Contradiction('a path');
      const notFound = words[i + 3]!;
      if (words[i + 2]! > answers || notFound > answers) throw new Contradiction('a key');
      if (notFound !== 0 && this.kind(notFound - 1) === KIND_REDIRECT)
        throw new Contradiction('a page for what is missing');
    }
  }

  private kind(answer: number): number {
    return this.bundle.view.getUint16(this.kindsAt + answer * ANSWER_BYTES, true);
  }

  private someReps(words: Uint32Array): void {
    const { contentBytes } = this;
    for (let i = 0; i < words.length; i += REPRESENTATION) {
      const beginning = words[i]!;
      if ((beginning & 0xffff) >= CODINGS.length) throw new Contradiction('a coding');
      const start = words[i + 1]! + highBits((beginning >>> 16) & 0xff);
      const end = words[i + 2]! + highBits(beginning >>> 24);
      if (start > end || end > contentBytes) throw new Contradiction('where a content lies');
      for (let head = i + HEADS_FROM; head <= i + HEADS_TO; head += 2) this.head(words[head]!, words[head + 1]!);
      if (this.line(words[i + 11]!, words[i + 12]!) === 0) throw new Contradiction('an entity tag');
    }
  }

  private someAnswers(words: Uint32Array, first: number): void {
    const { reps, stringBytes, codingsAt } = this;
    const { bytes, header } = this.bundle;
    for (let i = 0; i < words.length; i += ANSWER) {
      const kind = words[i]! & 0xffff;
      if (kind !== KIND_RESOURCE) {
        if (first + i / ANSWER < header.files) throw new Contradiction('a file');
        this.other(words, i);
        continue;
      }
      page(words[i]! >>> 16);
      const from = words[i + 1]!;
      const representations = words[i + 2]!;
      if (representations < 1 || representations > CODINGS.length || from + representations > reps)
        throw new Contradiction('representations');
      // That each is one of few was seen already.
      for (let r = 0, before = -1; r < representations; r++) {
        const coding = bytes[codingsAt + (from + r) * REP_BYTES]!;
        if (r === 0 ? coding !== 0 : coding <= before) throw new Contradiction('the order of codings');
        before = coding;
      }
      if (words[i + 4]! > 0xffff || words[i + 3]! + words[i + 4]! > stringBytes) throw new Contradiction('a text');
      if (this.line(words[i + 5]!, words[i + 6]!) === 0) throw new Contradiction('a media type');
      // Most have none of these.
      if (words[i + 9] !== 0 || words[i + 8]! > stringBytes) this.fields(words[i + 8]!, words[i + 9]!);
      if (words[i + 11] !== 0 || words[i + 10]! > stringBytes) this.line(words[i + 10]!, words[i + 11]!);
      if (words[i + 15] !== 0 || words[i + 14]! > stringBytes) this.line(words[i + 14]!, words[i + 15]!);
      if (words[i + 13] !== 0) this.head(words[i + 12]!, words[i + 13]!);
    }
  }

  /** An answer that is no resource, from word `at` on. */
  private other(words: Uint32Array, at: number): void {
    const kind = words[at]! & 0xffff;
    const status = words[at]! >>> 16;
    const first = words[at + 1]!;
    const many = words[at + 2]!;
    if (kind === KIND_REDIRECT) {
      must(REDIRECTS.has(status), 'the status of a redirect');
      must(this.text(first, many, LONGEST_TEXT) > 0 && this.isPlace(first, many), 'where a redirect leads');
      this.fields(words[at + 3]!, words[at + 4]!);
      return;
    }
    page(status);
    must(kind === KIND_LANGUAGES, 'the kind of an answer');
    must(many >= 1 && many <= MOST_LANGUAGES && first + many <= this.answers, 'translations');
    for (let i = first; i < first + many; i++) must(this.kind(i) === KIND_RESOURCE, 'a translation');
  }

  private head(start: number, end: number): void {
    if (start >= end || end > this.contentBytes || end - start > LONGEST_HEAD)
      throw new Contradiction('where a head lies');
  }

  /** The length of a text. */
  private text(start: number, length: number, longest: number): number {
    if (length > longest || start + length > this.stringBytes) throw new Contradiction('a text');
    return length;
  }

  /** The length of a text that becomes part of a line of a head. */
  private line(start: number, length: number): number {
    this.text(start, length, LONGEST_TEXT);
    if (!this.texts.isPartOfLine(start, length)) throw new Contradiction('the text of a field');
    return length;
  }

  /** A text that is lines of a head, each ended by CRLF. */
  private fields(start: number, length: number): void {
    this.text(start, length, LONGEST_FIELDS);
    if (!this.texts.isLines(start, length)) throw new Contradiction('the fields of an answer');
  }

  /**
   * Whether it is a path with one slash at its beginning (to a browser `//` and `/\` mean another host), or an address
   * with its scheme.
   */
  private isPlace(start: number, length: number): boolean {
    const from = this.bundle.header.strings.at + start;
    const { bytes } = this.bundle;
    if (!this.texts.isPartOfLine(start, length)) return false;
    if (bytes[from] === SLASH) return length === 1 || (bytes[from + 1] !== SLASH && bytes[from + 1] !== BACKSLASH);
    return length > 1 && /^https?:\/\//i.test(Buffer.from(bytes.subarray(from, from + 8)).toString('latin1'));
  }
}

function must(sound: boolean, what: string): void {
  if (!sound) throw new Contradiction(what);
}

function count(what: string, { at, end }: Section, size: number): number {
  must((end - at) % size === 0, `its ${what} are cut short`);
  return (end - at) / size;
}

/** The status of an answer that has a body. */
function page(status: number): void {
  if (status !== 200 && (status < 400 || status > 599)) throw new Contradiction('a status');
}
