/** `_headers`: fields that a site gives its answers, by the path; as Cloudflare Pages and Netlify define it. */
import type { Field } from '../format/heads.js';
import { StoreError } from '../store-error.js';
import { fill, type Matched, PathPattern, SplitPath } from './path-pattern.js';
import { PatternIndex } from './pattern-index.js';
import { ruleLines } from './rule-lines.js';

/** The changes that matching rules make to a head. Keys in lower case. */
export interface FieldChanges {
  readonly set: ReadonlyMap<string, readonly Field[]>;
  readonly removed: ReadonlySet<string>;
}

/** One rule, as the manifest keeps it. A field without a value is to be removed. */
export interface HeaderRule {
  readonly path: string;
  readonly fields: readonly { readonly name: string; readonly value?: string }[];
}

export const MAX_HEADER_RULES = 1000;
const MAX_LINE = 8000;
const NOTHING: FieldChanges = { set: new Map(), removed: new Set() };

/** The server decides these; both hosts leave them out, too. */
const RESERVED = new Set(
  'accept-ranges age allow alt-svc connection content-length content-range date etag host keep-alive last-modified location server te trailer transfer-encoding upgrade www-authenticate'.split(
    ' ',
  ),
);

export class HeaderRules {
  readonly rules: readonly HeaderRule[];
  private readonly patterns: readonly PathPattern[];
  private readonly index: PatternIndex;
  /** Whether the fields of a rule depend on the matched text. */
  readonly filled: boolean;

  constructor(rules: readonly HeaderRule[]) {
    this.rules = rules;
    this.patterns = rules.map((rule) => {
      const pattern = PathPattern.parse(rule.path);
      if (typeof pattern === 'string') throw new StoreError(`_headers: ${pattern}`);
      return pattern;
    });
    this.index = new PatternIndex(this.patterns);
    this.filled = rules.some((rule, i) => isFilled(rule, this.patterns[i]!));
  }

  /** The changes by the rules that match the requested path or the path of the served file. Paths are decoded. */
  fieldsFor(asked: string, file: string): FieldChanges {
    if (this.rules.length === 0) return NOTHING;
    const set = new Map<string, Field[]>();
    const removed = new Set<string>();
    for (const i of this.numbers(asked, file)) {
      const pattern = this.patterns[i]!;
      apply(this.rules[i]!, (pattern.match(asked) ?? pattern.match(file))!, set, removed);
    }
    return { set, removed };
  }

  /** The numbers of the rules that match, as a key. */
  matching(asked: string, file: string): string {
    return this.numbers(asked, file).join(' ');
  }

  /**
   * A message for each single-value field to which several rules give different values at some path of `files`: joined
   * values have no meaning.
   */
  *joinedFields(files: Iterable<string>): Generator<void, string[]> {
    const sentences = new Map<string, string>();
    if (this.rules.length === 0) return [];
    for (const [path, file] of askedPaths(files)) {
      // One path may be matched by many rules.
      yield;
      for (const [name, fields] of this.fieldsFor(path, file).set) {
        const values = fields.map(({ value }) => value);
        if (values.length < 2 || !(SINGLE.has(name) || (name === 'cache-control' && contradict(values)))) continue;
        const field = fields[0]!.name;
        const key = `${name} ${values.join('\n')}`;
        const sentence = `_headers: rules give ${path} ${field} as ${values.join(' and ')}, and it has one value; write ! ${field} before the later one`;
        if (!sentences.has(key)) sentences.set(key, sentence);
      }
    }
    return [...sentences.values()];
  }

  private numbers(asked: string, file: string): number[] {
    const numbers = [...this.index.matching(new SplitPath(asked))];
    if (file === asked) return numbers;
    return [...new Set([...numbers, ...this.index.matching(new SplitPath(file))])].sort((a, b) => a - b);
  }
}

/** The paths at which pages are mostly asked for, each before the file's own: rules are written for them. */
function* askedPaths(files: Iterable<string>): Generator<readonly [path: string, file: string]> {
  for (const file of files) {
    const asked = file.replace(/(?<=\/)index\.html?$|\.html?$/, '');
    if (asked !== file) yield [asked, file];
    yield [file, file];
  }
}

function isFilled(rule: HeaderRule, pattern: PathPattern): boolean {
  return !pattern.literal && rule.fields.some(({ value }) => value?.includes(':') && fillsOf(pattern, value));
}

/** Fields whose value is no list. */
const SINGLE = new Set(
  `access-control-allow-credentials access-control-allow-origin access-control-max-age content-disposition content-location content-type
  cross-origin-embedder-policy cross-origin-opener-policy cross-origin-resource-policy expires origin-agent-cluster refresh retry-after
  service-worker-allowed sourcemap x-content-type-options x-dns-prefetch-control x-download-options x-frame-options
  x-permitted-cross-domain-policies x-ua-compatible x-xss-protection`.split(/\s+/),
);

/** Whether two values of `Cache-Control` give different times to one directive. */
function contradict(values: readonly string[]): boolean {
  const said = new Map<string, string>();
  for (const [, name, argument] of values.join(',').matchAll(/([\w-]+)=("[^"]*"|[^\s,]+)/g)) {
    if ((said.get(name!.toLowerCase()) ?? argument) !== argument) return true;
    said.set(name!.toLowerCase(), argument!);
  }
  return false;
}

export const NO_HEADER_RULES = new HeaderRules([]);

function fillsOf(pattern: PathPattern, value: string): boolean {
  return pattern.names.some((name) => new RegExp(`:${name}\\b`).test(value));
}

function apply(rule: HeaderRule, matched: Matched, set: Map<string, Field[]>, removed: Set<string>): void {
  for (const { name, value } of rule.fields) {
    const key = name.toLowerCase();
    if (value === undefined) {
      set.delete(key);
      removed.add(key);
      continue;
    }
    const field = { name, value: fill(value, matched).trim() };
    if (field.value === '') continue;
    const there = set.get(key);
    if (!there) set.set(key, [field]);
    else if (!there.some((f) => f.value === field.value)) there.push(field);
  }
}

/**
 * Parses the file. Throws a StoreError that names `file` and each line that cannot be read; lines that are merely left
 * out are reported to `warn`.
 */
export function parseHeaderRules(text: string, file: string, warn: (sentence: string) => void): HeaderRules {
  const rules: { path: string; fields: { name: string; value?: string }[] }[] = [];
  let current: (typeof rules)[number] | undefined;
  let skipped = false;
  const refused: string[] = [];
  for (const { place, raw, line } of ruleLines(text, file, MAX_LINE)) {
    if (/^https?:\/\//i.test(line) && !/^\s/.test(raw)) {
      warn(`${place}: rules for a host are left out; write the path alone`);
      skipped = true;
      current = undefined;
    } else if (line.startsWith('/') && !/^\s/.test(raw)) {
      const pattern = PathPattern.parse(line);
      skipped = typeof pattern === 'string';
      if (typeof pattern === 'string') {
        refused.push(`${place}: ${pattern}`);
        continue;
      }
      current = { path: line, fields: [] };
      rules.push(current);
      if (rules.length > MAX_HEADER_RULES)
        throw new StoreError(`${place}: more than ${MAX_HEADER_RULES} rules; join some with a *`);
    } else if (!skipped) {
      const field = parseField(line, place, warn);
      if (typeof field === 'string') refused.push(`${place}: ${field}`);
      else if (!current) refused.push(`${place}: a field stands before the first path; begin with a line like /*`);
      else if (field) current.fields.push(field);
    }
  }
  // Most fields protect something (Content-Security-Policy, Cache-Control: private): no site is served without one of
  // them.
  if (refused.length > 0) throw new StoreError(refused.join('\n'));
  return new HeaderRules(rules.filter((rule) => rule.fields.length > 0));
}

export function isFieldName(name: string): boolean {
  return TOKEN.test(name);
}

/**
 * Whether a site may set this field to this value: not if the server decides the field, or if the value would break a
 * head.
 */
export function isFieldOfSite(name: string, value: string): boolean {
  return TOKEN.test(name) && !RESERVED.has(name.toLowerCase()) && /^[\t\x20-\x7e]*$/.test(value);
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The field, or what is wrong with the line; undefined: it is left out, and `warn` has been told. */
function parseField(
  line: string,
  place: string,
  warn: (sentence: string) => void,
): { name: string; value?: string } | string | undefined {
  const removal = /^!\s*(.*)$/.exec(line);
  const colon = line.indexOf(':');
  if (!removal && colon < 0) return 'neither a path that begins with / nor a field like Name: value';
  const name = removal ? removal[1]!.trim() : line.slice(0, colon).trim();
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is not the name of a field`;
  if (removal) return { name };
  const value = line.slice(colon + 1).trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return 'the value has a control character';
  if (/[\u0080-\uffff]/.test(value)) return 'the value has a character outside ASCII; encode it';
  const key = name.toLowerCase();
  if (RESERVED.has(key)) return void warn(`${place}: ${name} is decided by the server; the line is left out`);
  if (key === 'basic-auth')
    return void warn(`${place}: Basic-Auth is not supported; what it should protect is open to all`);
  if (key === 'strict-transport-security') {
    return void warn(
      `${place}: Strict-Transport-Security is not sent over plain HTTP (RFC 6797 7.2); set it where TLS ends`,
    );
  }
  if (key === 'content-encoding' && !/^(?:gzip|br|zstd)$/i.test(value))
    return void warn(
      `${place}: ${name} is gzip, br or zstd, of files that are compressed already; the line is left out`,
    );
  if (value === '') return void warn(`${place}: ${name} has no value; the line is left out`);
  return { name, value };
}
