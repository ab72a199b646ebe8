import { Memory } from '../../memory/memory.js';
import { BundleBytes } from '../bundle/bundle-bytes.js';
import type { BundleDisk } from '../bundle/bundle-disk.js';
import type { Manifest } from '../bundle/manifest.js';
import { type BundleHeader, readHeader } from '../format/bundle-header.js';
import { rangeSum } from '../format/sums.js';
import { Damage, type VerifiedPages } from '../format/verified-pages.js';
import { encodePath } from '../paths/location.js';
import { PathFold } from '../paths/path-fold.js';
import { HASH_START, hashEnd, pathHash } from '../paths/path-hash.js';
import { atOnce } from '../slices.js';
import type { Bodies, Lookup, Resource, Store } from '../store.js';
import { StoreError } from '../store-error.js';
import { BundleAnswers } from './bundle-answers.js';
import { damagedPage } from './damaged-page.js';
import { KeyIndex } from './key-index.js';
import { LateRules } from './late-rules.js';
import { PathCache } from './path-cache.js';
import { validateStepwise } from './validate-bundle.js';

const KEPT_PATHS = 1024;
/** Files between two looks at the clock. */
const STEP = 256;
const decoder = new TextDecoder();

export interface BundleStoreOptions {
  /** For messages: the file or directory. */
  readonly name: string;
  /** This process made the bytes itself: nothing is verified. */
  readonly trusted: boolean;
  /** Bodies that lie elsewhere, by their place in the content; `bytes` then end with the heads. Trusted only. */
  readonly bodies?: Bodies | undefined;
  /** The place of the rest, if `bytes` are the beginning of a longer file. */
  readonly disk?: { readonly file: BundleDisk; readonly fileBytes: number } | undefined;
  readonly onDamage?: ((sentence: string) => void) | undefined;
}

/** A bundle whose header was read; one from elsewhere is validated, and its manifest read. */
interface Checked {
  readonly bundle: BundleBytes;
  readonly manifest: Manifest | undefined;
}

function* checking(bytes: Uint8Array, options: BundleStoreOptions): Generator<void, Checked> {
  const whole = options.bodies ? undefined : (options.disk?.fileBytes ?? bytes.length);
  const header = readHeader(bytes.subarray(0, 512), whole, options.name);
  if (options.disk !== undefined && header.content.at > bytes.length)
    throw new StoreError(`${options.name} has more before its contents than this program holds in memory`);
  const bundle = new BundleBytes(bytes, header, options);
  return { bundle, manifest: options.trusted ? undefined : yield* validateStepwise(bundle) };
}

/** A store over the bytes of a bundle, mapped or read. Answers become objects when they are first asked for. */
export class BundleStore implements Store {
  readonly id: string;
  readonly size: number;
  readonly header: BundleHeader;
  readonly pages: VerifiedPages;
  /** The whole file. */
  readonly memory: Memory;
  private readonly bundle: BundleBytes;
  /** Of a bundle that was validated: its manifest. */
  private readonly made: Manifest | undefined;
  private readonly keys: KeyIndex;
  private readonly answers: BundleAnswers;
  private readonly paths = new PathCache(KEPT_PATHS);
  private readonly fold = new PathFold();
  private late: LateRules | undefined;
  private readonly options: BundleStoreOptions;
  private readonly damaged: Lookup;
  private readonly missing: Lookup = { kind: 'missing', page: undefined };

  /**
   * Throws a StoreError when `bytes` are not a whole bundle of a version that this program reads, or contradict
   * themselves.
   */
  constructor(bytes: Uint8Array, options: BundleStoreOptions, checked: Checked = atOnce(checking(bytes, options))) {
    this.options = options;
    this.bundle = checked.bundle;
    this.header = checked.bundle.header;
    this.id = this.header.id;
    this.pages = checked.bundle.pages;
    this.made = checked.manifest;
    this.keys = new KeyIndex(this.bundle);
    this.size = this.keys.size;
    const { content, sums } = this.header;
    this.memory = new Memory(bytes, this.bundle.summed ? rangeSum(bytes, content.at, content.end, sums.at) : undefined);
    this.answers = new BundleAnswers(this.bundle, this.memory, options.bodies, options.disk?.file);
    this.damaged = { kind: 'missing', page: damagedPage() };
  }

  /** The same as the constructor, and yields now and then. */
  static *opening(bytes: Uint8Array, options: BundleStoreOptions): Generator<void, BundleStore> {
    return new BundleStore(bytes, options, yield* checking(bytes, options));
  }

  lookup(bytes: Uint8Array, start: number, end: number): Lookup {
    try {
      const hash = pathHash(bytes, start, end);
      const key = this.keys.find(hash, bytes, start, end);
      if (key >= 0) {
        const index = this.keys.answer(key);
        if (index >= 0) return this.answers.answer(index);
      }
      const known = this.paths.get(hash, bytes, start, end);
      if (known !== undefined) return known;
      const found =
        this.decided(bytes, start, end) ?? this.folded(bytes, start, end) ?? this.notFound(bytes, start, end);
      this.paths.set(hash, bytes, start, end, found);
      return found;
    } catch (error) {
      // Errors from a forged bundle with correct hashes and false contents end here, too.
      this.options.onDamage?.(this.sentence(error));
      return this.damaged;
    }
  }

  /** Damaged resources are reported to `onDamage` and left out. */
  *resources(wanted?: (path: string) => boolean): Iterable<Resource> {
    for (const resource of this.resourcesStepwise(wanted)) if (resource !== undefined) yield resource;
  }

  /** The same, and undefined now and then. */
  *resourcesStepwise(wanted?: (path: string) => boolean): Iterable<Resource | undefined> {
    for (let i = 0; i < this.header.files; i++) {
      if (i % STEP === 0) yield undefined;
      if (wanted !== undefined && !this.answers.hasPath(i, wanted)) continue;
      const answer = this.answerOrDamage(i);
      if (answer?.kind === 'resource') yield answer.resource;
    }
  }

  /** Whether the file with this number was requested, or all files were iterated. */
  wasAsked(file: number): boolean {
    return this.answers.wasAsked(file);
  }

  /** Every path that has an answer, with it; in no useful order. Throws Damage. */
  *routes(): Iterable<{ path: string; answer: Lookup }> {
    for (const key of this.keys.all()) {
      const index = this.keys.answer(key);
      if (index >= 0) yield { path: this.keys.path(key), answer: this.answers.answer(index) };
    }
  }

  /** How it was made. Throws Damage. */
  manifest(): Manifest {
    if (this.made !== undefined) return this.made;
    const { at, end } = this.header.manifest;
    this.pages.ensure(at, end);
    try {
      return JSON.parse(decoder.decode(this.bundle.bytes.subarray(at, end))) as Manifest;
    } catch (error) {
      // SyntaxError of JSON, TypeError of UTF-8, RangeError of what is nested too deep.
      if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
      throw this.bundle.contradiction();
    }
  }

  /** The compressors of the bytes; empty when that cannot be read. */
  compressors(): Readonly<Record<string, string>> {
    try {
      return this.manifest().compressors ?? {};
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      return {};
    }
  }

  /** Releases its memory. Bytes that other objects still refer to stay until these release them, too. */
  close(): void {
    this.answers.clear();
  }

  private rules(): LateRules {
    if (this.late) return this.late;
    const manifest = this.manifest();
    try {
      this.late = new LateRules(manifest);
    } catch (error) {
      // An invalid rule, or a TypeError: fields of unexpected types.
      if (!(error instanceof StoreError || error instanceof TypeError)) throw error;
      throw this.bundle.contradiction();
    }
    return this.late;
  }

  /** The answer by a rule with a star or placeholders. */
  private decided(bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const late = this.rules();
    const decision = late.decide(bytes, start, end);
    if (!decision) return undefined;
    if ('redirect' in decision) return late.dress(decision.redirect, bytes, start, end);
    const index = 'answer' in decision ? decision.answer : this.indexAt(decision.path);
    const answer = index < 0 ? undefined : this.answers.answer(index);
    return answer && answer.kind !== 'redirect' ? late.dress(answer, bytes, start, end) : undefined;
  }

  /** The answer's index; negative: none. */
  private indexAt(path: string): number {
    const bytes = new TextEncoder().encode(path);
    const key = this.keys.find(pathHash(bytes, 0, bytes.length), bytes, 0, bytes.length);
    return key < 0 ? key : this.keys.answer(key);
  }

  /** The one path that differs in case or Unicode form only. */
  private folded(bytes: Uint8Array, start: number, end: number): Lookup | undefined {
    const { fold } = this;
    if (!fold.set(bytes, start, end)) return undefined;
    const key = this.keys.find(pathHash(fold.bytes, 0, fold.length), fold.bytes, 0, fold.length);
    if (key < 0 || this.keys.ambiguous(key)) return undefined;
    const index = this.keys.answer(key);
    if (index < 0) return undefined;
    const found = this.answers.answer(index);
    if (found.kind === 'redirect') return this.rules().dress(found, bytes, start, end);
    const path = this.keys.path(key);
    return this.rules().dress({ kind: 'redirect', status: 301, location: encodePath(path) }, bytes, start, end);
  }

  /** The page of the deepest directory above the path that has one. */
  private notFound(bytes: Uint8Array, start: number, end: number): Lookup {
    let page = -1;
    let state = HASH_START;
    for (let i = start, slashes = 0; i < end && slashes < this.header.deepestNotFound; i++) {
      const byte = bytes[i]!;
      state = Math.imul(state ^ byte, 0x01000193);
      if (byte !== 0x2f) continue;
      slashes++;
      const key = this.keys.find(hashEnd(state), bytes, start, i + 1);
      const own = key < 0 ? -1 : this.keys.notFound(key);
      if (own >= 0) page = own;
    }
    return this.rules().dress(page < 0 ? this.missing : this.answers.answer(page), bytes, start, end);
  }

  private answerOrDamage(index: number): Lookup | undefined {
    try {
      return this.answers.answer(index);
    } catch (error) {
      this.options.onDamage?.(this.sentence(error));
      return undefined;
    }
  }

  private sentence(error: unknown): string {
    return (error instanceof Damage ? error : this.bundle.contradiction()).message;
  }
}
