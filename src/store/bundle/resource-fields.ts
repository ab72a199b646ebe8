import { type Field, lines, type ResourceFields } from '../format/heads.js';
import type { FieldChanges, HeaderRules } from '../rules/header-rules.js';
import { cacheControl } from '../site/cache-policy.js';

/** Fields that are safe defaults for a static site. A rule of the site replaces or removes each. */
const EVERYWHERE: readonly Field[] = [
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'Referrer-Policy', value: 'strict-origin-when-cross-origin' },
];
const DOCUMENTS: readonly Field[] = [...EVERYWHERE, { name: 'X-Frame-Options', value: 'SAMEORIGIN' }];
const NOSNIFF: readonly Field[] = [{ name: 'X-Content-Type-Options', value: 'nosniff' }];

export interface FieldPolicy {
  readonly rules: HeaderRules;
  readonly security: boolean;
  /** Whether `Link` goes ahead in `103 Early Hints`, too. */
  readonly hints: boolean;
}

/** The subject of the fields. */
export interface Described {
  /** The file, and its own type. */
  readonly path: string;
  readonly type: string;
  readonly language: string | undefined;
  readonly link: string | undefined;
  /** The time of the last change in seconds since 1970, if that is known. */
  readonly modified: number | undefined;
  /** Whether the file never changes under its own path. */
  readonly immutable: boolean;
  /** Whether there are several representations, and several translations, to choose from. */
  readonly codings: boolean;
  readonly languages: boolean;
}

/**
 * The fields of `file`, requested as `asked`: policy first, then the rules that match the requested path or the file.
 */
export function resourceFields(policy: FieldPolicy, file: Described, asked: string, status: number): ResourceFields {
  const changes = policy.rules.fieldsFor(asked, file.path);
  const isDocument = /^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)/.test(file.type);
  const defaults = policy.security ? (isDocument ? DOCUMENTS : EVERYWHERE) : NOSNIFF;
  const taken = (name: string): boolean => changes.set.has(name) || changes.removed.has(name);
  const one = (name: string, otherwise: string | undefined): string | undefined =>
    valueFor(changes, name) ?? (changes.removed.has(name) ? undefined : otherwise);
  const negotiated = [...(file.codings ? ['Accept-Encoding'] : []), ...(file.languages ? ['Accept-Language'] : [])];
  const links = [file.link, valueFor(changes, 'link')].filter((value) => value !== undefined);
  return {
    contentType: changes.set.get('content-type')?.at(-1)?.value ?? file.type,
    language: one('content-language', file.language),
    link: links.length > 0 ? links.join(', ') : undefined,
    modified: file.modified,
    cacheControl:
      status === 200
        ? one('cache-control', cacheControl(file.type, file.immutable && asked === file.path))
        : errorCaching(changes),
    vary: varyOf(changes, negotiated),
    site: others(changes),
    standard: defaults.filter((field) => !taken(field.name.toLowerCase())),
  };
}

/**
 * The caching rule of a path is meant for its file: a 404 that is cached for a year would outlive the mistake. A rule
 * that forbids caching holds for both.
 */
function errorCaching(changes: FieldChanges): string | undefined {
  if (changes.removed.has('cache-control') && !changes.set.has('cache-control')) return undefined;
  return /\bno-store\b/i.test(valueFor(changes, 'cache-control') ?? '') ? 'no-store' : 'no-cache';
}

/**
 * Lines for the server's own answers at the path `asked`: redirects, and errors without a page of the site. Fields that
 * describe content are left out, because the content is not the site's. `negotiated` are the fields by which the answer
 * was chosen.
 */
export function serverFields(
  rules: HeaderRules,
  asked: string,
  file: string,
  negotiated: readonly string[] = [],
): string {
  const changes = rules.fieldsFor(asked, file);
  const vary = varyOf(changes, negotiated);
  const cache = valueFor(changes, 'cache-control');
  return lines([
    ...(vary.length > 0 ? [{ name: 'Vary', value: vary.join(', ') }] : []),
    ...(cache === undefined ? [] : [{ name: 'Cache-Control', value: cache }]),
    ...others(changes),
  ]);
}

function valueFor(changes: FieldChanges, name: string): string | undefined {
  return changes.set
    .get(name)
    ?.map((field) => field.value)
    .join(', ');
}

function varyOf(changes: FieldChanges, negotiated: readonly string[]): string[] {
  const vary = [...negotiated];
  for (const field of changes.set.get('vary') ?? []) {
    for (const member of field.value.split(',')) {
      const word = member.trim();
      if (word && !vary.some((v) => v.toLowerCase() === word.toLowerCase())) vary.push(word);
    }
  }
  return vary;
}

/** These have a place of their own in a head. */
const APART = new Set(['content-type', 'content-encoding', 'content-language', 'cache-control', 'link', 'vary']);

function others(changes: FieldChanges): Field[] {
  const site: Field[] = [];
  for (const [name, fields] of changes.set) if (!APART.has(name)) site.push(...joined(name, fields));
  return site;
}

/**
 * Joins the values of one name in one line, as both hosts do; except cookies, which a comma would break (RFC 6265 3).
 */
function joined(name: string, fields: readonly Field[]): readonly Field[] {
  if (name === 'set-cookie' || fields.length === 1) return fields;
  return [{ name: fields[0]!.name, value: fields.map((f) => f.value).join(', ') }];
}
