/**
 * Validates everything in a bundle except the contents against its sections, once, when it is opened: counts, offsets,
 * lengths, indexes, values of enumerations, texts that go into heads. The hashes prove that the bytes come from the
 * maker, but not that they are valid. Time and memory are linear in the sections, whose lengths were already checked
 * with the header.
 */
import type { BundleBytes } from '../bundle/bundle-bytes.js';
import type { Manifest } from '../bundle/manifest.js';
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
import { Damage } from '../format/verified-pages.js';
import { StoreError } from '../store-error.js';
import { HeadTexts } from './head-texts.js';
import { validateManifest } from './validate-manifest.js';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Entries between two looks at the clock. */
const STEP = 256;
/** Bytes that are hashed between two of them. */
const HASHED = 2 ** 18;

/** The manifest of a valid bundle; yields now and then. Throws a StoreError that says what is wrong. */
export function* validateStepwise(bundle: BundleBytes): Generator<void, Manifest> {
  const { header, pages, name } = bundle;
  const { at: first, end: last } = { at: header.slots.at, end: header.manifest.end };
  try {
    for (let at = first; at < last; at += HASHED) {
      pages.ensure(at, Math.min(at + HASHED, last));
      yield;
    }
    const { at, end } = header.strings;
    const texts = yield* HeadTexts.of(bundle.bytes.subarray(at, end));
    return yield* new Validation(bundle, texts).run();
  } catch (error) {
    if (error instanceof Damage || error instanceof Contradiction)
      throw new StoreError(
        error instanceof Damage
          ? error.message
          : `${name} contradicts itself (${error.message}); it was not made by this program: bundle the site again`,
      );
    throw error;
  }
}

/** What is wrong, in a few words. */
class Contradiction extends Error {}

function* each(count: number, validate: (i: number) => void): Generator<void, void> {
  for (let i = 0; i < count; i++) {
    if (i % STEP === 0) yield;
    validate(i);
  }
}

class Validation {
  private readonly view: DataView;
  private readonly keys: number;
  private readonly answers: number;
  private readonly reps: number;
  private readonly contentBytes: number;
  private readonly stringBytes: number;

  constructor(
    private readonly bundle: BundleBytes,
    private readonly texts: HeadTexts,
  ) {
    const { header, view } = bundle;
    this.view = view;
    this.keys = this.count('keys', header.keys, KEY_BYTES);
    this.answers = this.count('answers', header.answers, ANSWER_BYTES);
    this.reps = this.count('representations', header.reps, REP_BYTES);
    this.count('slots', header.slots, SLOT_BYTES);
    this.contentBytes = header.content.end - header.content.at;
    this.stringBytes = header.strings.end - header.strings.at;
  }

  *run(): Generator<void, Manifest> {
    const { header } = this.bundle;
    this.must(header.files <= this.answers, 'it has fewer answers than files');
    yield* this.slots();
    yield* each(this.reps, (i) => this.rep(header.reps.at + i * REP_BYTES));
    yield* each(this.answers, (i) => this.answer(header.answers.at + i * ANSWER_BYTES, i < header.files));
    yield* each(this.keys, (i) => this.key(header.keys.at + i * KEY_BYTES));
    const leadsTo = (answer: number): boolean => answer < this.answers && this.kind(answer) !== KIND_REDIRECT;
    const manifest = validateManifest(this.bundle.bytes.subarray(header.manifest.at, header.manifest.end), leadsTo);
    if (typeof manifest === 'string') throw new Contradiction(manifest);
    return manifest;
  }

  private must(sound: boolean, what: string): void {
    if (!sound) throw new Contradiction(what);
  }

  private count(what: string, { at, end }: Section, size: number): number {
    this.must((end - at) % size === 0, `its ${what} are cut short`);
    return (end - at) / size;
  }

  /** Each slot has a key or is empty, and a search takes a bounded number of steps. */
  private *slots(): Generator<void, void> {
    const { at, end } = this.bundle.header.slots;
    const count = (end - at) / SLOT_BYTES;
    let used = 0;
    let run = 0;
    // Around the end as well: the first run goes on behind the last slot.
    for (let i = 0; i < count * 2 && run <= LONGEST_RUN; i++) {
      if (i % STEP === 0) yield;
      const key = this.view.getUint32(at + (i & (count - 1)) * SLOT_BYTES + 4, true);
      this.must(key <= this.keys, 'a slot has no key');
      run = key === 0 ? 0 : run + 1;
      if (i < count && key !== 0) used++;
    }
    this.must(run <= LONGEST_RUN && used * 2 <= count, 'its table of paths is too full');
  }

  private key(at: number): void {
    this.must(this.view.getUint32(at, true) + this.view.getUint16(at + 4, true) <= this.stringBytes, 'a path');
    for (const place of [at + 8, at + 12]) this.must(this.view.getUint32(place, true) <= this.answers, 'a key');
    const notFound = this.view.getUint32(at + 12, true);
    this.must(notFound === 0 || this.kind(notFound - 1) !== KIND_REDIRECT, 'a page for what is missing');
  }

  private kind(answer: number): number {
    return this.view.getUint16(this.bundle.header.answers.at + answer * ANSWER_BYTES, true);
  }

  private answer(at: number, file: boolean): void {
    const { view } = this;
    const kind = view.getUint16(at, true);
    const status = view.getUint16(at + 2, true);
    const first = view.getUint32(at + 4, true);
    const count = view.getUint32(at + 8, true);
    this.must(!file || kind === KIND_RESOURCE, 'a file');
    if (kind === KIND_REDIRECT) {
      this.must(REDIRECTS.has(status), 'the status of a redirect');
      this.must(this.text(at + 4, LONGEST_TEXT) > 0 && this.isPlace(first, count), 'where a redirect leads');
      this.fields(at + 12);
      return;
    }
    this.must(status === 200 || (status >= 400 && status <= 599), 'a status');
    if (kind === KIND_LANGUAGES) {
      this.must(count >= 1 && count <= MOST_LANGUAGES && first + count <= this.answers, 'translations');
      for (let i = first; i < first + count; i++) this.must(this.kind(i) === KIND_RESOURCE, 'a translation');
      return;
    }
    this.must(kind === KIND_RESOURCE, 'the kind of an answer');
    this.must(count >= 1 && count <= CODINGS.length && first + count <= this.reps, 'representations');
    for (let i = 0, before = -1; i < count; i++) {
      const coding = view.getUint16(this.bundle.header.reps.at + (first + i) * REP_BYTES + REP.coding, true);
      this.must(i === 0 ? coding === 0 : coding > before, 'the order of codings');
      before = coding;
    }
    this.text(at + 12, 0xffff);
    this.must(this.line(at + 20) > 0, 'a media type');
    this.fields(at + 32);
    this.line(at + 40);
    this.line(at + 56);
    const hints = view.getUint32(at + 52, true);
    if (hints > 0) this.head(at + 48);
  }

  private rep(at: number): void {
    const { view } = this;
    this.must(view.getUint16(at + REP.coding, true) < CODINGS.length, 'a coding');
    const start = view.getUint32(at + REP.start, true) + highBits(view.getUint8(at + REP.startHigh));
    const end = view.getUint32(at + REP.end, true) + highBits(view.getUint8(at + REP.endHigh));
    this.must(start <= end && end <= this.contentBytes, 'where a content lies');
    for (const head of REP.heads) this.head(at + head);
    this.must(this.line(at + REP.etag) > 0, 'an entity tag');
  }

  private head(at: number): void {
    const start = this.view.getUint32(at, true);
    const end = this.view.getUint32(at + 4, true);
    this.must(start < end && end <= this.contentBytes && end - start <= LONGEST_HEAD, 'where a head lies');
  }

  /** The length of a text. */
  private text(at: number, longest: number): number {
    const start = this.view.getUint32(at, true);
    const length = this.view.getUint32(at + 4, true);
    this.must(length <= longest && start + length <= this.stringBytes, 'a text');
    return length;
  }

  /** The length of a text that becomes part of a line of a head. */
  private line(at: number): number {
    const length = this.text(at, LONGEST_TEXT);
    this.must(this.texts.isPartOfLine(this.view.getUint32(at, true), length), 'the text of a field');
    return length;
  }

  /** A text that is lines of a head, each ended by CRLF. */
  private fields(at: number): void {
    const length = this.text(at, LONGEST_FIELDS);
    this.must(this.texts.isLines(this.view.getUint32(at, true), length), 'the fields of an answer');
  }

  private isPlace(start: number, length: number): boolean {
    const from = this.bundle.header.strings.at + start;
    const { bytes } = this.bundle;
    // A path with one slash at its beginning (to a browser `//` and `/\` mean another host), or an address with its
    // scheme.
    const slash = bytes[from] === 0x2f && bytes[from + 1] !== 0x2f && bytes[from + 1] !== 0x5c;
    const scheme = /^https?:\/\//i.test(Buffer.from(bytes.subarray(from, from + 8)).toString('latin1'));
    return (length === 1 ? bytes[from] === 0x2f : slash || scheme) && this.texts.isPartOfLine(start, length);
  }
}
