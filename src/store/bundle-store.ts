import { Memory } from '../memory/memory.js';
import { AnswerCache } from './answer-cache.js';
import { type BundleHeader, readHeader } from './bundle-header.js';
import { damagedPage } from './damaged-page.js';
import {
  ANSWER_BYTES,
  CODINGS,
  KEY_AMBIGUOUS,
  KEY_BYTES,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  KIND_RESOURCE,
  REP_BYTES,
  SLOT_BYTES,
  SUM_SHIFT,
} from './format.js';
import { LateRules } from './late-rules.js';
import { encodePath } from './location.js';
import type { Manifest } from './manifest.js';
import { PathCache } from './path-cache.js';
import { PathFold } from './path-fold.js';
import { HASH_START, hashEnd, pathHash } from './path-hash.js';
import type { RedirectStatus } from './site.js';
import type { Extent, Lookup, Representation, Resource, Store } from './store.js';
import { rangeSum } from './sums.js';
import { Damage, VerifiedPages } from './verified-pages.js';

/** Answers that are kept as objects: some 2 KB each. */
const KEPT_ANSWERS = 65536;
const KEPT_PATHS = 1024;
const decoder = new TextDecoder();

export interface BundleStoreOptions {
  /** For sentences: the file or directory. */
  readonly name: string;
  /** This process made the bytes itself: nothing is verified. */
  readonly trusted: boolean;
  /** Bodies that lie elsewhere, by their place in the content; `bytes` then end with the heads. Trusted only. */
  readonly bodies?: ReadonlyMap<number, Memory> | undefined;
  readonly onDamage?: ((sentence: string) => void) | undefined;
}

/** A store over the bytes of a bundle, mapped or read. Answers become objects when they are first asked for. */
export class BundleStore implements Store {
  readonly id: string;
  readonly size: number;
  readonly header: BundleHeader;
  readonly pages: VerifiedPages;
  /** The whole file. */
  readonly memory: Memory;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly mask: number;
  private readonly answers = new AnswerCache(KEPT_ANSWERS);
  private readonly paths = new PathCache(KEPT_PATHS);
  private readonly fold = new PathFold();
  private late: LateRules | undefined;
  private readonly options: BundleStoreOptions;
  private readonly damaged: Lookup;
  private readonly missing: Lookup = { kind: 'missing', page: undefined };

  /** Throws a StoreError when `bytes` are not a whole bundle of a version that this program reads. */
  constructor(bytes: Uint8Array, options: BundleStoreOptions) {
    this.header = readHeader(bytes.subarray(0, 512), options.bodies ? undefined : bytes.length, options.name);
    this.options = options;
    this.id = this.header.id;
    this.size = (this.header.keys.end - this.header.keys.at) / KEY_BYTES;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.mask = (this.header.slots.end - this.header.slots.at) / SLOT_BYTES - 1;
    this.pages = new VerifiedPages(bytes, this.header, options.name, options.trusted);
    const { content, sums } = this.header;
    this.memory = new Memory(bytes, sums.end > sums.at ? rangeSum(bytes, content.at, content.end, sums.at) : undefined);
    this.damaged = { kind: 'missing', page: damagedPage() };
  }

  lookup(bytes: Uint8Array, start: number, end: number): Lookup {
    try {
      const hash = pathHash(bytes, start, end);
      const key = this.find(hash, bytes, start, end);
      if (key >= 0) {
        const answer = this.view.getUint32(key + 8, true);
        if (answer !== 0) return this.answer(answer - 1);
      }
      const known = this.paths.get(hash, bytes, start, end);
      if (known !== undefined) return known;
      const found =
        this.decided(bytes, start, end) ?? this.folded(bytes, start, end) ?? this.notFound(bytes, start, end);
      this.paths.set(hash, bytes, start, end, found);
      return found;
    } catch (error) {
      // What one who makes a bundle with right hashes and lying contents can cause ends here, too.
      this.options.onDamage?.(this.sentence(error));
      return this.damaged;
    }
  }

  /** What is damaged is told to `onDamage` and left out. */
  *resources(wanted?: (path: string) => boolean): Iterable<Resource> {
    for (let i = 0; i < this.header.files; i++) {
      if (wanted !== undefined && !this.hasPath(i, wanted)) continue;
      const answer = this.answerOrDamage(i);
      if (answer?.kind === 'resource') yield answer.resource;
    }
  }

  /** Every path that has an answer, with it; in no useful order. Throws Damage. */
  *routes(): Iterable<{ path: string; answer: Lookup }> {
    for (let at = this.header.keys.at; at < this.header.keys.end; at += KEY_BYTES) {
      this.pages.ensure(at, at + KEY_BYTES);
      const answer = this.view.getUint32(at + 8, true);
      if (answer !== 0)
        yield {
          path: this.text(this.view.getUint32(at, true), this.view.getUint16(at + 4, true)),
          answer: this.answer(answer - 1),
        };
    }
  }

  /** How it was made. Throws Damage. */
  manifest(): Manifest {
    const { at, end } = this.header.manifest;
    this.pages.ensure(at, end);
    try {
      return JSON.parse(decoder.decode(this.bytes.subarray(at, end))) as Manifest;
    } catch {
      throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
    }
  }

  /** What made the compressed bytes; nothing when that cannot be read. */
  compressors(): Readonly<Record<string, string>> {
    try {
      return this.manifest().compressors ?? {};
    } catch {
      return {};
    }
  }

  /** Lets go of what it keeps. Bytes that others still refer to stay until they let go, too. */
  close(): void {
    this.answers.clear();
  }

  /** Where the key of the path lies in the file; -1: there is none. */
  private find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const { view, mask, header } = this;
    for (let i = hash & mask, probes = 0; probes <= mask; i = (i + 1) & mask, probes++) {
      const slot = header.slots.at + i * SLOT_BYTES;
      this.pages.ensure(slot, slot + SLOT_BYTES);
      const key = view.getUint32(slot + 4, true);
      if (key === 0) return -1;
      if (view.getInt32(slot, true) !== hash) continue;
      const at = header.keys.at + (key - 1) * KEY_BYTES;
      if (this.matches(at, bytes, start, end)) return at;
    }
    return -1;
  }

  private matches(key: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.pages.ensure(key, key + KEY_BYTES);
    const length = this.view.getUint16(key + 4, true);
    if (length !== end - start) return false;
    const at = this.header.strings.at + this.view.getUint32(key, true);
    this.pages.ensure(at, at + length);
    const own = this.bytes;
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }

  private rules(): LateRules {
    if (this.late) return this.late;
    const manifest = this.manifest();
    try {
      this.late = new LateRules(manifest);
    } catch {
      throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
    }
    return this.late;
  }

  /** What a rule with a star or placeholders says. */
  private decided(bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const late = this.rules();
    const decision = late.decide(bytes, start, end);
    if (!decision) return undefined;
    if ('redirect' in decision) return late.dress(decision.redirect, bytes, start, end);
    let index = 'answer' in decision ? decision.answer : -1;
    if ('path' in decision) {
      const path = new TextEncoder().encode(decision.path);
      const key = this.find(pathHash(path, 0, path.length), path, 0, path.length);
      index = key < 0 ? -1 : this.view.getUint32(key + 8, true) - 1;
    }
    const answer = index < 0 ? undefined : this.answer(index);
    return answer && answer.kind !== 'redirect' ? late.dress(answer, bytes, start, end) : undefined;
  }

  /** The one path that differs in case or Unicode form only. */
  private folded(bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const { fold } = this;
    if (!fold.set(bytes, start, end)) return undefined;
    const key = this.find(pathHash(fold.bytes, 0, fold.length), fold.bytes, 0, fold.length);
    if (key < 0 || (this.view.getUint16(key + 6, true) & KEY_AMBIGUOUS) !== 0) return undefined;
    const answer = this.view.getUint32(key + 8, true);
    if (answer === 0) return undefined;
    const found = this.answer(answer - 1);
    if (found.kind === 'redirect') return this.rules().dress(found, bytes, start, end);
    const path = this.text(this.view.getUint32(key, true), this.view.getUint16(key + 4, true));
    return this.rules().dress({ kind: 'redirect', status: 301, location: encodePath(path) }, bytes, start, end);
  }

  /** The page of the deepest directory above the path that has one. */
  private notFound(bytes: Uint8Array, start: number, end: number): Lookup {
    let page = 0;
    let state = HASH_START;
    for (let i = start, slashes = 0; i < end && slashes < this.header.deepestNotFound; i++) {
      const byte = bytes[i]!;
      state = Math.imul(state ^ byte, 0x01000193);
      if (byte !== 0x2f) continue;
      slashes++;
      const key = this.find(hashEnd(state), bytes, start, i + 1);
      if (key >= 0) page = this.view.getUint32(key + 12, true) || page;
    }
    return this.rules().dress(page === 0 ? this.missing : this.answer(page - 1), bytes, start, end);
  }

  /** Whether the path of a resource is one of the `wanted`; one that cannot be read is. */
  private hasPath(index: number, wanted: (path: string) => boolean): boolean {
    const { view } = this;
    const at = this.header.answers.at + index * ANSWER_BYTES;
    try {
      this.pages.ensure(at, at + ANSWER_BYTES);
      if (view.getUint16(at, true) !== KIND_RESOURCE) return false;
      return wanted(this.textAt(at + 12));
    } catch {
      return true;
    }
  }

  private answerOrDamage(index: number): Lookup | undefined {
    try {
      return this.answer(index);
    } catch (error) {
      this.options.onDamage?.(this.sentence(error));
      return undefined;
    }
  }

  private sentence(error: unknown): string {
    return error instanceof Damage ? error.message : `${this.options.name} contradicts itself; bundle the site again`;
  }

  private answer(index: number): Lookup {
    const there = this.answers.get(index);
    if (there !== undefined) return there;
    const at = this.header.answers.at + index * ANSWER_BYTES;
    this.pages.ensure(at, at + ANSWER_BYTES);
    const made = this.make(at);
    this.answers.set(index, made);
    return made;
  }

  private make(at: number): Lookup {
    const { view } = this;
    const kind = view.getUint16(at, true);
    const status = view.getUint16(at + 2, true);
    if (kind === KIND_REDIRECT) {
      const fields = this.textAt(at + 12);
      const location = this.textAt(at + 4);
      return { kind: 'redirect', status: status as RedirectStatus, location, ...(fields === '' ? {} : { fields }) };
    }
    if (kind === KIND_LANGUAGES) return this.translations(at, status);
    if (kind !== KIND_RESOURCE) throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
    const representations: Representation[] = [];
    const first = view.getUint32(at + 4, true);
    const count = view.getUint32(at + 8, true);
    for (let i = first; i < first + count; i++)
      representations.push(this.representation(this.header.reps.at + i * REP_BYTES));
    // All of one shape, so that whoever reads them meets one.
    const resource: Resource = {
      path: this.textAt(at + 12),
      contentType: this.textAt(at + 20),
      lastModified: undefined,
      fields: this.textAt(at + 32),
      hints: view.getUint32(at + 52, true) > 0 ? this.extent(at + 48) : undefined,
      link: this.textAt(at + 56) || undefined,
      language: this.textAt(at + 40) || undefined,
      languages: undefined,
      representations,
    };
    return status === 200 ? { kind: 'resource', resource } : { kind: 'missing', page: resource };
  }

  private translations(at: number, status: number): Lookup {
    const first = this.view.getUint32(at + 4, true);
    const count = this.view.getUint32(at + 8, true);
    const languages: Resource[] = [];
    for (let i = first; i < first + count; i++) {
      const place = this.header.answers.at + i * ANSWER_BYTES;
      if (place + ANSWER_BYTES > this.header.answers.end || this.view.getUint16(place, true) !== KIND_RESOURCE)
        throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
      const one = this.answer(i);
      languages.push(one.kind === 'resource' ? one.resource : (one as { page: Resource }).page);
    }
    if (languages.length === 0) throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
    const resource = { ...languages[0]!, languages };
    return status === 200 ? { kind: 'resource', resource } : { kind: 'missing', page: resource };
  }

  private representation(at: number): Representation {
    this.pages.ensure(at, at + REP_BYTES);
    const { view } = this;
    return {
      coding: CODINGS[view.getUint32(at, true)] ?? 'identity',
      body: this.body(at + 4),
      etag: this.text(view.getUint32(at + 44, true), view.getUint32(at + 48, true)),
      headOk: this.extent(at + 12),
      headNotModified: this.extent(at + 20),
      headPartial: this.extent(at + 28),
      headFailed: this.extent(at + 36),
    };
  }

  private body(at: number): Extent {
    const start = this.view.getUint32(at, true);
    // An empty body may begin where another one does.
    const memory = this.view.getUint32(at + 4, true) > start ? this.options.bodies?.get(start) : undefined;
    return memory ? { memory, start: 0, end: memory.bytes.length } : this.extent(at);
  }

  /** What the two numbers at `at` say, its bytes and their sums verified. */
  private extent(at: number): Extent {
    const { content, sums } = this.header;
    const start = content.at + this.view.getUint32(at, true);
    const end = content.at + this.view.getUint32(at + 4, true);
    if (end > content.end) throw new Damage(`${this.options.name} contradicts itself; bundle the site again`);
    if (end > start) this.pages.ensure(start, end);
    if (sums.end > sums.at) {
      this.pages.ensure(
        sums.at + ((start - content.at) >>> SUM_SHIFT) * 2,
        sums.at + ((end - content.at) >>> SUM_SHIFT) * 2 + 2,
      );
    }
    return { memory: this.memory, start, end };
  }

  /** What offset and length at `at` say. */
  private textAt(at: number): string {
    return this.text(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
  }

  private text(offset: number, length: number): string {
    if (length === 0) return '';
    const at = this.header.strings.at + offset;
    this.pages.ensure(at, at + length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, length).toString('utf8');
  }
}
