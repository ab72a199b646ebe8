import { Memory } from '../../memory/memory.js';
import type { BundleBytes } from '../bundle/bundle-bytes.js';
import type { BundleDisk } from '../bundle/bundle-disk.js';
import {
  ANSWER_BYTES,
  CODINGS,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  KIND_RESOURCE,
  REP,
  REP_BYTES,
  SUM_BLOCK,
} from '../format/format.js';
import { highBits } from '../format/layout-numbers.js';
import { Damage } from '../format/verified-pages.js';
import type { RedirectStatus } from '../site/site.js';
import type { Bodies, Content, Extent, Lookup, Representation, Resource } from '../store.js';
import { AnswerCache } from './answer-cache.js';

/** Answers that are kept as objects: some 2 KB each. */
const KEPT_ANSWERS = 65536;

const BEGINNING = new TextEncoder().encode('HTTP/1.1 ');
const NOTHING = new Memory(new Uint8Array(0));
const CR = 0x0d;
const LF = 0x0a;

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The answers of a bundle, by index, as objects. Damaged bytes throw Damage. */
export class BundleAnswers {
  private readonly made = new AnswerCache(KEPT_ANSWERS);

  /** `memory`: of the whole file. `bodies` that lie elsewhere, by their place in the content. */
  constructor(
    private readonly bundle: BundleBytes,
    private readonly memory: Memory,
    private readonly bodies: Bodies | undefined,
    private readonly disk: BundleDisk | undefined,
  ) {}

  /** Whether `wanted` accepts the path of a resource; an unreadable path counts as wanted. */
  hasPath(index: number, wanted: (path: string) => boolean): boolean {
    const { bundle } = this;
    const { view } = bundle;
    const at = bundle.header.answers.at + index * ANSWER_BYTES;
    try {
      bundle.pages.ensure(at, at + ANSWER_BYTES);
      if (view.getUint16(at, true) !== KIND_RESOURCE) return false;
      return wanted(bundle.textAt(at + 12));
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      return true;
    }
  }

  /** Whether it was requested. */
  wasAsked(index: number): boolean {
    return this.made.has(index);
  }

  /** Made when it is first asked for. */
  answer(index: number): Lookup {
    const there = this.made.get(index);
    if (there !== undefined) return there;
    const at = this.bundle.header.answers.at + index * ANSWER_BYTES;
    this.bundle.pages.ensure(at, at + ANSWER_BYTES);
    const made = this.make(at);
    this.made.set(index, made);
    return made;
  }

  private make(at: number): Lookup {
    const { bundle } = this;
    const { view } = bundle;
    const kind = view.getUint16(at, true);
    const status = view.getUint16(at + 2, true);
    if (kind === KIND_REDIRECT) {
      const fields = bundle.textAt(at + 12);
      const location = bundle.textAt(at + 4);
      return { kind: 'redirect', status: status as RedirectStatus, location, ...(fields === '' ? {} : { fields }) };
    }
    if (kind === KIND_LANGUAGES) return this.translations(at, status);
    if (kind !== KIND_RESOURCE) throw bundle.contradiction();
    const representations: Representation[] = [];
    const first = view.getUint32(at + 4, true);
    const count = view.getUint32(at + 8, true);
    for (let i = first; i < first + count; i++)
      representations.push(this.representation(bundle.header.reps.at + i * REP_BYTES));
    // All objects have one shape, so that the code that reads them stays monomorphic.
    const resource: Resource = {
      path: bundle.textAt(at + 12),
      contentType: bundle.textAt(at + 20),
      lastModified: lastModifiedOf(representations[0]),
      fields: bundle.textAt(at + 32),
      hints: view.getUint32(at + 52, true) > 0 ? this.head(at + 48) : undefined,
      link: bundle.textAt(at + 56) || undefined,
      language: bundle.textAt(at + 40) || undefined,
      languages: undefined,
      representations,
    };
    return status === 200 ? { kind: 'resource', resource } : { kind: 'missing', page: resource };
  }

  private translations(at: number, status: number): Lookup {
    const { bundle } = this;
    const { view } = bundle;
    const { answers } = bundle.header;
    const first = view.getUint32(at + 4, true);
    const count = view.getUint32(at + 8, true);
    const languages: Resource[] = [];
    for (let i = first; i < first + count; i++) {
      const place = answers.at + i * ANSWER_BYTES;
      if (place + ANSWER_BYTES > answers.end || view.getUint16(place, true) !== KIND_RESOURCE)
        throw bundle.contradiction();
      const one = this.answer(i);
      languages.push(one.kind === 'resource' ? one.resource : (one as { page: Resource }).page);
    }
    if (languages.length === 0) throw bundle.contradiction();
    const resource = { ...languages[0]!, languages };
    return status === 200 ? { kind: 'resource', resource } : { kind: 'missing', page: resource };
  }

  private representation(at: number): Representation {
    const { bundle } = this;
    const { view } = bundle;
    bundle.pages.ensure(at, at + REP_BYTES);
    return {
      coding: CODINGS[view.getUint16(at + REP.coding, true)] ?? 'identity',
      body: this.body(at),
      etag: bundle.textAt(at + REP.etag),
      headOk: this.head(at + REP.heads[0]),
      headNotModified: this.head(at + REP.heads[1]),
      headPartial: this.head(at + REP.heads[2]),
      headFailed: this.head(at + REP.heads[3]),
    };
  }

  /** Of the representation at `at`. */
  private body(at: number): Content {
    const { view } = this.bundle;
    const start = view.getUint32(at + REP.start, true) + highBits(view.getUint8(at + REP.startHigh));
    const end = view.getUint32(at + REP.end, true) + highBits(view.getUint8(at + REP.endHigh));
    // An empty body may begin where another one does.
    const elsewhere = end > start ? this.bodies?.get(start) : undefined;
    if (elsewhere !== undefined) return elsewhere;
    const { header, pages, bytes } = this.bundle;
    const { at: base, end: last } = header.content;
    if (this.disk === undefined || base + end <= bytes.length || start >= end || base + end > last)
      return this.extent(start, end);
    return { memory: NOTHING, start: 0, end: end - start, source: this.disk.source(base + start, pages) };
  }

  /** `HTTP/1.1 200 ...`, lines that end in CRLF. */
  private head(at: number): Extent {
    const { view, bytes } = this.bundle;
    const head = this.extent(view.getUint32(at, true), view.getUint32(at + 4, true));
    const { start, end } = head;
    const digits = [9, 10, 11].every((i) => isDigit(bytes[start + i]!));
    if (
      !digits ||
      !BEGINNING.every((byte, i) => bytes[start + i] === byte) ||
      bytes[end - 2] !== CR ||
      bytes[end - 1] !== LF
    )
      throw this.bundle.contradiction();
    return head;
  }

  /** `[from, to)` of the content, its bytes and their sums verified. */
  private extent(from: number, to: number): Extent {
    const { pages, header } = this.bundle;
    const { content, sums } = header;
    const start = content.at + from;
    const end = content.at + to;
    if (end > content.end || end < start) throw this.bundle.contradiction();
    if (end > start) pages.ensure(start, end);
    if (this.bundle.summed) {
      pages.ensure(sums.at + Math.floor(from / SUM_BLOCK) * 2, sums.at + Math.floor(to / SUM_BLOCK) * 2 + 2);
    }
    return { memory: this.memory, start, end };
  }

  /** Releases the objects. */
  clear(): void {
    this.made.clear();
  }
}

/** `Last-Modified` from the head, in seconds since 1970: a bundle has it only there. */
function lastModifiedOf(representation: Representation | undefined): number | undefined {
  if (representation === undefined) return undefined;
  const { memory, start, end } = representation.headOk;
  const head = Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset + start, end - start);
  const at = head.indexOf('\r\nLast-Modified: ');
  if (at < 0) return undefined;
  const from = at + '\r\nLast-Modified: '.length;
  const time = Date.parse(head.toString('latin1', from, head.indexOf('\r\n', from)));
  return Number.isNaN(time) ? undefined : time / 1000;
}
