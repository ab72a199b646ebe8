/** Rules for paths that are in no table: applied when such a path is requested. */
import { Memory } from '../../memory/memory.js';
import type { Manifest } from '../bundle/manifest.js';
import { resourceFields, serverFields } from '../bundle/resource-fields.js';
import { type Heads, renderHeads, renderHints, saysImmutable } from '../format/heads.js';
import type { LateRule } from '../routes/apply-redirects.js';
import { HeaderRules } from '../rules/header-rules.js';
import { PathPattern, SplitPath } from '../rules/path-pattern.js';
import { PatternIndex } from '../rules/pattern-index.js';
import { leadsToItself, locationOf, rewriteTarget } from '../rules/redirect-rules.js';
import type { RedirectStatus } from '../site/site.js';
import type { Extent, Lookup, Representation, Resource } from '../store.js';
import { StoreError } from '../store-error.js';

/** The most sets of heads that are kept; more are rendered each time. */
const KEPT = 64;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The result of a rule: an answer by its number, by its path, or a redirect. */
export type Decision = { readonly answer: number } | { readonly path: string } | { readonly redirect: Lookup };

export class LateRules {
  private readonly redirects: readonly { readonly rule: LateRule; readonly from: PathPattern }[];
  private readonly index: PatternIndex;
  private readonly headers: HeaderRules;
  private readonly security: boolean;
  private readonly dressed = new Map<string, Lookup>();

  constructor(manifest: Manifest) {
    this.redirects = manifest.redirects.map((rule) => {
      const from = PathPattern.parse(rule.from);
      if (typeof from === 'string') throw new StoreError(`_redirects: ${from}`);
      return { rule, from };
    });
    this.index = new PatternIndex(this.redirects.map(({ from }) => from));
    this.headers = new HeaderRules(manifest.headers);
    this.security = manifest.security;
  }

  /** No answer depends on the path. */
  get empty(): boolean {
    return this.redirects.length === 0 && this.headers.rules.length === 0;
  }

  decide(bytes: Uint8Array, start: number, end: number): Decision | undefined {
    if (this.redirects.length === 0) return undefined;
    const path = decoder.decode(bytes.subarray(start, end));
    const split = new SplitPath(path);
    for (const number of this.index.matching(split)) {
      const { rule, from } = this.redirects[number]!;
      if (rule.pages && path.lastIndexOf('.') > path.lastIndexOf('/')) continue;
      const matched = from.match(split)!;
      if (rule.answer !== undefined) return { answer: rule.answer };
      if (rule.status === 200) {
        const target = rewriteTarget(rule.to, matched);
        return target === undefined ? undefined : { path: target };
      }
      const location = locationOf(rule.to, matched);
      if (leadsToItself(path, location)) continue;
      return { redirect: { kind: 'redirect', status: rule.status as RedirectStatus, location } };
    }
    return undefined;
  }

  /** `lookup`, which answers a path that is not its own, with the fields that rules give this path. */
  dress(lookup: Lookup, bytes: Uint8Array, start: number, end: number): Lookup {
    const { length } = this.headers.rules;
    if (length === 0 && lookup.kind !== 'resource') return lookup;
    const asked = decoder.decode(bytes.subarray(start, end));
    if (lookup.kind === 'redirect') return { ...lookup, fields: serverFields(this.headers, asked, asked) };
    const resource = lookup.kind === 'resource' ? lookup.resource : lookup.page;
    if (!resource) return { kind: 'missing', page: undefined, fields: serverFields(this.headers, asked, asked) };
    // A rule may lead to another file later, even if the name of the present one is a fingerprint.
    const fixed = lookup.kind === 'resource' && asked !== resource.path && saysImmutable(resource);
    if (length === 0 && !fixed) return lookup;
    const rules = this.headers.matching(asked, resource.path);
    if (!fixed && rules === this.headers.matching(resource.path, resource.path) && !this.headers.filled) return lookup;
    const status = statusOf(resource);
    const key = `${status} ${resource.path} ${rules}`;
    const there = this.headers.filled ? undefined : this.dressed.get(key);
    if (there) return there;
    const kept = !this.headers.filled && this.dressed.size < KEPT;
    const rendered = this.render(resource, status, asked);
    const made = kept ? rendered : { ...rendered, fleeting: true };
    const answer: Lookup =
      lookup.kind === 'resource' ? { kind: 'resource', resource: made } : { kind: 'missing', page: made };
    if (kept) this.dressed.set(key, answer);
    return answer;
  }

  private render(resource: Resource, status: number, asked: string, among = false): Resource {
    if (resource.languages !== undefined) {
      const languages = resource.languages.map((one) => this.render(one, status, asked, true));
      return { ...languages[0]!, languages };
    }
    const { path, contentType: type, representations, language, link, lastModified: modified } = resource;
    const policy = { rules: this.headers, security: this.security, hints: resource.hints !== undefined };
    const codings = representations.length > 1;
    const described = { path, type, language, link, modified, immutable: false, codings, languages: among };
    const fields = resourceFields(policy, described, asked, status);
    const hints = policy.hints && status === 200 ? renderHints(fields) : undefined;
    const negotiated = ['Accept-Encoding', ...(among ? ['Accept-Language'] : [])];
    const dress = (rep: Representation): Representation => ({
      ...rep,
      ...extents(renderHeads(fields, status, rep.coding, rep.body.end - rep.body.start, rep.etag)),
    });
    return {
      ...resource,
      contentType: fields.contentType,
      fields: serverFields(this.headers, asked, path, negotiated),
      hints: hints === undefined ? undefined : whole(hints),
      representations: representations.map(dress),
    };
  }
}

/** The status in the head, `HTTP/1.1 404 …`. */
function statusOf(resource: Resource): number {
  const { memory, start } = resource.representations[0]!.headOk;
  return Number(decoder.decode(memory.bytes.subarray(start + 9, start + 12)));
}

function extents(heads: Heads): Pick<Representation, 'headOk' | 'headNotModified' | 'headPartial' | 'headFailed'> {
  return {
    headOk: whole(heads.ok),
    headNotModified: whole(heads.notModified),
    headPartial: whole(heads.partial),
    headFailed: whole(heads.failed),
  };
}

function whole(text: string): Extent {
  const memory = Memory.of(text);
  return { memory, start: 0, end: memory.bytes.length };
}
