/** `_redirects`: where paths lead; as Cloudflare Pages and Netlify define it. */
import { sameOrigin } from '../paths/location.js';
import type { RedirectStatus } from '../site/site.js';
import { StoreError } from '../store-error.js';
import type { MalformedRules, Words } from './malformed-rules.js';
import { fill, type Matched, PathPattern } from './path-pattern.js';
import { ruleLines } from './rule-lines.js';

export type RuleStatus = RedirectStatus | 200 | 404 | 410 | 451;

export interface RedirectRule {
  readonly from: PathPattern;
  readonly to: string;
  readonly status: RuleStatus;
  /** `!`: also where a file is. */
  readonly force: boolean;
  /** `_redirects:12` */
  readonly place: string;
}

/** Lines between two looks at the clock. */
const STEP = 64;
const MAX_STATIC = 100_000;
export const MAX_DYNAMIC = 1000;
const MAX_LINE = 2000;
export const STATUSES: ReadonlySet<number> = new Set([200, 301, 302, 303, 307, 308, 404, 410, 451]);

/**
 * Parses the file: `from to [status]`, one a line. Without a status it is 302. Rules that need a feature that a static
 * server does not have are reported to `warn` and left out, those that cannot be read to `malformed`. Throws a
 * StoreError that names `file` and the lines for which the site is refused. Yields now and then.
 */
export function* parseRedirectRules(
  text: string,
  file: string,
  warn: (sentence: string) => void,
  malformed: MalformedRules,
): Generator<void, RedirectRule[]> {
  const rules: RedirectRule[] = [];
  let dynamic = 0;
  let lines = 0;
  for (const { place, line } of ruleLines(text, file, MAX_LINE)) {
    if (lines++ % STEP === 0) yield;
    const words = wordsOf(line);
    const rule = parseRule(words, place, warn);
    if (typeof rule === 'string') malformed.line(place, rule, words);
    if (rule === undefined || typeof rule === 'string') continue;
    rules.push(rule);
    if (!rule.from.literal && ++dynamic > MAX_DYNAMIC)
      throw new StoreError(`${place}: more than ${MAX_DYNAMIC} rules with * or placeholders`);
    if (rules.length > MAX_STATIC) throw new StoreError(`${place}: more than ${MAX_STATIC} rules`);
  }
  malformed.finish();
  return rules;
}

function wordsOf(line: string): Words {
  const words = line.split(/\s+/);
  const comment = words.findIndex((word, i) => i > 0 && word.startsWith('#'));
  return comment < 0 ? words : words.slice(0, comment);
}

/** A rule, or what is wrong with it; undefined: it is left out, and `warn` has been told. */
function parseRule(words: Words, place: string, warn: (sentence: string) => void): RedirectRule | string | undefined {
  const [source, ...rest] = words as [string, ...string[]];
  if (/^https?:\/\//i.test(source)) return void warn(`${place}: rules for a host are left out; write the path alone`);
  if (rest.length === 0) return `${source} leads nowhere; write where to behind it`;
  if (/^[\w.-]+=/.test(rest[0]!)) return void warn(`${place}: rules by query are left out; queries are not looked at`);
  const [to, code = '302', ...conditions] = rest as [string, ...string[]];
  if (conditions.includes('!')) return `the ! stands alone; write it behind the status, as in ${code}!`;
  if (conditions.length > 0) return void warn(`${place}: rules with conditions (${conditions.join(' ')}) are left out`);
  const from = PathPattern.parse(source);
  if (typeof from === 'string') return from;
  // Clients take such segments away, and so does the parser (RFC 3986 5.2.4).
  if (/\/\.\.?(?:\/|$)/.test(from.text))
    return void warn(`${place}: no path has a segment . or ..; the rule is left out`);
  const status = Number(code.replace(/!$/, ''));
  if (!/^\d{3}!?$/.test(code) || !STATUSES.has(status)) {
    return `the status ${code} is none of ${[...STATUSES].join(', ')}`;
  }
  const wrong = wrongTarget(to, from);
  if (wrong) return wrong;
  const inSite = to.startsWith('/');
  if (!inSite && (status < 300 || status > 399)) {
    return void warn(`${place}: content of other hosts is not fetched; the rule is left out`);
  }
  if (from.literal && inSite && status >= 300 && status < 400 && sameOrigin(to) === sameOrigin(source)) {
    return `${source} leads to itself`;
  }
  return { from, to, status: status as RuleStatus, force: code.endsWith('!'), place };
}

/** The problem with the target of a rule; undefined: none. */
export function wrongTarget(to: string, from: PathPattern): string | undefined {
  // To a browser both mean another host.
  if (/^[/\\]{2}/.test(to) || /^\/\\/.test(to)) return `${to} names a host without a scheme; write https://`;
  if (!/^(?:\/|https?:\/\/[^/])/i.test(to)) return `${to} is neither a path nor an address that begins with https://`;
  const host = /^https?:\/\/[^/]*/i.exec(to)?.[0] ?? '';
  // Within a segment a colon without a placeholder's name is a plain colon: /wiki/Special:Random.
  const names = Array.from(to.replace(/[?#].*/, '').matchAll(/\/:([A-Za-z]\w*)/g), (m) => m[1]!);
  if (from.names.some((name) => host.includes(`:${name}`))) return `${to} lets the path choose the host`;
  const unknown = to.startsWith('/') ? names.find((name) => !from.names.includes(name)) : undefined;
  return unknown ? `:${unknown} is not in ${from.source}; write %3A for a colon` : undefined;
}

/** Whether a redirect of `path` (decoded) to `location` leads back to itself: a client would loop. */
export function leadsToItself(path: string, location: string): boolean {
  return location.startsWith('/') && pathOf(location) === path;
}

/** The decoded path of a location; undefined: it is none. An encoded slash is NUL. */
function pathOf(location: string): string | undefined {
  try {
    // An encoded slash is no separator: it must not lead into another directory.
    return decodeURIComponent(location.replace(/[?#][\s\S]*$/, '').replace(/%2f/gi, '\0'));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}

/** The target of a rule that matched: on this origin, or on the host that the rule names. */
export function locationOf(to: string, matched: Matched): string {
  const filled = fill(to, matched);
  if (to.startsWith('/')) return sameOrigin(filled);
  const [origin] = /^https?:\/\/[^/]*/i.exec(filled)!;
  return origin + (filled.length > origin.length ? sameOrigin(filled.slice(origin.length)) : '/');
}

/** The path in the site that a rule rewrites to, decoded, without query. */
export function rewriteTarget(to: string, matched: Matched): string | undefined {
  return pathOf(locationOf(to, matched));
}
