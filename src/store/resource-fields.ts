import { cacheControl } from './cache-policy.js';
import type { HeaderRules } from './header-rules.js';
import type { Field, ResourceFields } from './heads.js';

/** What a static site can bear without being asked. A rule of the site replaces or removes each. */
const EVERYWHERE: readonly Field[] = [
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'Referrer-Policy', value: 'strict-origin-when-cross-origin' },
];
const DOCUMENTS: readonly Field[] = [...EVERYWHERE, { name: 'X-Frame-Options', value: 'SAMEORIGIN' }];
const NOSNIFF: readonly Field[] = [{ name: 'X-Content-Type-Options', value: 'nosniff' }];

export interface FieldPolicy {
  readonly rules: HeaderRules;
  readonly security: boolean;
}

/**
 * The fields of the file at `path` with `type`, asked for as `asked`, with `several` representations: policy first, then the
 * rules that match the path asked for or the file.
 */
export function resourceFields(
  policy: FieldPolicy,
  path: string,
  type: string,
  asked: string,
  status: number,
  several: boolean,
): ResourceFields {
  const changes = policy.rules.fieldsFor(asked, path);
  const isDocument = /^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)/.test(type);
  const defaults = policy.security ? (isDocument ? DOCUMENTS : EVERYWHERE) : NOSNIFF;
  const taken = (name: string): boolean => changes.set.has(name) || changes.removed.has(name);
  const one = (name: string, otherwise: string | undefined): string | undefined =>
    changes.set
      .get(name)
      ?.map((f) => f.value)
      .join(', ') ?? (changes.removed.has(name) ? undefined : otherwise);
  const site: Field[] = [];
  for (const [name, fields] of changes.set) if (!APART.has(name)) site.push(...joined(name, fields));
  const vary = several ? ['Accept-Encoding'] : [];
  for (const field of changes.set.get('vary') ?? []) {
    for (const member of field.value.split(',')) {
      const word = member.trim();
      if (word && !vary.some((v) => v.toLowerCase() === word.toLowerCase())) vary.push(word);
    }
  }
  return {
    contentType: changes.set.get('content-type')?.at(-1)?.value ?? type,
    cacheControl: one('cache-control', status === 200 ? cacheControl(path, type) : 'no-cache'),
    vary,
    site,
    standard: defaults.filter((field) => !taken(field.name.toLowerCase())),
  };
}

/** These have a place of their own in a head. */
const APART = new Set(['content-type', 'cache-control', 'vary']);

/** Values of one name in one line, as both hosts have it; but cookies, which a comma would break (RFC 6265 3). */
function joined(name: string, fields: readonly Field[]): readonly Field[] {
  if (name === 'set-cookie' || fields.length === 1) return fields;
  return [{ name: fields[0]!.name, value: fields.map((f) => f.value).join(', ') }];
}
