import type { Memory } from '../../memory/memory.js';
import type { BundleBytes } from '../bundle/bundle-bytes.js';
import {
  ANSWER_BYTES,
  CODINGS,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  KIND_RESOURCE,
  REP_BYTES,
  SUM_SHIFT,
} from '../format/format.js';
import type { RedirectStatus } from '../site/site.js';
import type { Extent, Lookup, Representation, Resource } from '../store.js';
import { AnswerCache } from './answer-cache.js';

/** Answers that are kept as objects: some 2 KB each. */
const KEPT_ANSWERS = 65536;

/** The answers of a bundle, by index, as objects. What is damaged throws Damage. */
export class BundleAnswers {
  private readonly made = new AnswerCache(KEPT_ANSWERS);

  /** `memory`: of the whole file. `bodies` that lie elsewhere, by their place in the content. */
  constructor(
    private readonly bundle: BundleBytes,
    private readonly memory: Memory,
    private readonly bodies: ReadonlyMap<number, Memory> | undefined,
  ) {}

  /** Whether the path of a resource is one of the `wanted`; one that cannot be read is. */
  hasPath(index: number, wanted: (path: string) => boolean): boolean {
    const { bundle } = this;
    const { view } = bundle;
    const at = bundle.header.answers.at + index * ANSWER_BYTES;
    try {
      bundle.pages.ensure(at, at + ANSWER_BYTES);
      if (view.getUint16(at, true) !== KIND_RESOURCE) return false;
      return wanted(bundle.textAt(at + 12));
    } catch {
      return true;
    }
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
    // All of one shape, so that whoever reads them meets one.
    const resource: Resource = {
      path: bundle.textAt(at + 12),
      contentType: bundle.textAt(at + 20),
      lastModified: undefined,
      fields: bundle.textAt(at + 32),
      hints: view.getUint32(at + 52, true) > 0 ? this.extent(at + 48) : undefined,
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
      coding: CODINGS[view.getUint32(at, true)] ?? 'identity',
      body: this.body(at + 4),
      etag: bundle.text(view.getUint32(at + 44, true), view.getUint32(at + 48, true)),
      headOk: this.extent(at + 12),
      headNotModified: this.extent(at + 20),
      headPartial: this.extent(at + 28),
      headFailed: this.extent(at + 36),
    };
  }

  private body(at: number): Extent {
    const { view } = this.bundle;
    const start = view.getUint32(at, true);
    // An empty body may begin where another one does.
    const memory = view.getUint32(at + 4, true) > start ? this.bodies?.get(start) : undefined;
    return memory ? { memory, start: 0, end: memory.bytes.length } : this.extent(at);
  }

  /** What the two numbers at `at` say, its bytes and their sums verified. */
  private extent(at: number): Extent {
    const { view, pages, header } = this.bundle;
    const { content, sums } = header;
    const start = content.at + view.getUint32(at, true);
    const end = content.at + view.getUint32(at + 4, true);
    if (end > content.end) throw this.bundle.contradiction();
    if (end > start) pages.ensure(start, end);
    if (sums.end > sums.at) {
      pages.ensure(
        sums.at + ((start - content.at) >>> SUM_SHIFT) * 2,
        sums.at + ((end - content.at) >>> SUM_SHIFT) * 2 + 2,
      );
    }
    return { memory: this.memory, start, end };
  }

  /** Lets go of the objects. */
  clear(): void {
    this.made.clear();
  }
}
