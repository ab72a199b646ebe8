/** Brings rules of `_redirects` into the table of routes, as far as they can be decided without knowing the path. */

import type { MalformedRules, Words } from '../rules/malformed-rules.js';
import { SplitPath } from '../rules/path-pattern.js';
import { PatternIndex } from '../rules/pattern-index.js';
import {
  leadsToItself,
  locationOf,
  type RedirectRule,
  type RuleStatus,
  rewriteTarget,
} from '../rules/redirect-rules.js';
import { ShardedMap } from '../sharded-map.js';
import type { Answer, RedirectStatus } from '../site/site.js';
import { filtered } from '../slices.js';
import { StoreError } from '../store-error.js';
import type { RouteTable, ServedPaths } from './routes.js';

/** Rules, or files, between two looks at the clock. */
const STEP = 64;

const NO_PATHS: ServedPaths = { all: [], has: () => false };

/** A rule that is tried when a path is in no table; as the manifest keeps it. */
export interface LateRule {
  readonly from: string;
  readonly to: string;
  readonly status: RuleStatus;
  /** The number of the answer that it leads to, if that does not depend on the path. */
  readonly answer?: number;
  /** Only for paths whose last segment has no dot: a page that a script renders, never a missing picture. */
  readonly pages?: boolean;
}

/**
 * The first rule that matches a path wins, from top to bottom. A rule for one path goes before a file at that path; one
 * with a star or placeholders leaves files alone unless it is forced (`301!`). Takes linear time: rules are found by
 * their paths. A rule whose page is not there goes to `malformed`. Throws a StoreError where the site is refused.
 * Yields now and then.
 */
export function* applyRedirects(
  table: RouteTable,
  rules: readonly RedirectRule[],
  malformed: MalformedRules,
  spa: string | undefined,
): Generator<void, LateRule[]> {
  // Without rules nothing is looked up.
  const files = rules.length === 0 ? NO_PATHS : yield* table.paths();
  const order = yield* RuleOrder.of(rules, files);
  const forced = yield* forcedFiles(rules, files, order);
  for (const [i, rule] of rules.entries()) {
    if (i % STEP === 0) yield;
    const path = rule.from.text;
    if (rule.from.literal) {
      if (order.first(path) !== i) continue;
      // A rewrite of a file to another one needs force, as at both hosts; a redirect applies as written.
      if (files.has(path) && rule.status === 200 && !rule.force) continue;
      if (!decide(table, path, rule, {}, malformed)) continue;
      const twin = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
      if (twin && !order.matched(twin) && !table.served(twin)) decide(table, twin, rule, {}, malformed);
    } else for (const file of forced.get(i) ?? []) decide(table, file, rule, rule.from.match(file)!, malformed);
  }
  const late = (yield* filtered(rules, ({ from }) => !from.literal)).flatMap((rule) => {
    const one = lateRule(table, rule);
    if (typeof one !== 'string') return one;
    malformed.line(rule.place, one, wordsOf(rule));
    return [];
  });
  malformed.finish();
  return spa === undefined ? late : [...late, spaRule(table, spa)];
}

/** Which rule comes first for a path. */
class RuleOrder {
  private readonly literal = new ShardedMap<string, number>();
  /** The numbers of the rules with a star or placeholders, by their numbers in the index. */
  private readonly numbers: number[] = [];
  private index = new PatternIndex([]);

  private constructor(
    private readonly rules: readonly RedirectRule[],
    private readonly files: ServedPaths,
  ) {}

  /** Yields now and then. */
  static *of(rules: readonly RedirectRule[], files: ServedPaths): Generator<void, RuleOrder> {
    const order = new RuleOrder(rules, files);
    for (const [i, { from }] of rules.entries()) {
      if (i % STEP === 0) yield;
      if (!from.literal) order.numbers.push(i);
      else if (!order.literal.has(from.text)) order.literal.set(from.text, i);
    }
    order.index = new PatternIndex(order.numbers.map((i) => rules[i]!.from));
    return order;
  }

  /** The number of the first rule that applies to `path`; -1: none does. */
  first(path: string): number {
    const literal = this.literal.get(path) ?? -1;
    const isFile = this.files.has(path);
    for (const place of this.index.matching(new SplitPath(path))) {
      const number = this.numbers[place]!;
      if (literal >= 0 && number > literal) break;
      if (!isFile || this.rules[number]!.force) return number;
    }
    return literal;
  }

  /** Whether any rule matches `path`. */
  matched(path: string): boolean {
    if (this.literal.has(path)) return true;
    for (const _ of this.index.matching(new SplitPath(path))) return true;
    return false;
  }
}

/** The files at which a rule with a star or placeholders is forced, by the number of the rule. */
function* forcedFiles(
  rules: readonly RedirectRule[],
  files: ServedPaths,
  order: RuleOrder,
): Generator<void, Map<number, string[]>> {
  const forced = new Map<number, string[]>();
  if ((yield* filtered(rules, ({ force, from }) => force && !from.literal)).length === 0) return forced;
  for (const [i, file] of files.all.entries()) {
    if (i % STEP === 0) yield;
    const number = order.first(file);
    if (number < 0 || rules[number]!.from.literal) continue;
    const there = forced.get(number);
    if (there) there.push(file);
    else forced.set(number, [file]);
  }
  return forced;
}

/** False: the page is not there, and `malformed` has been told. */
function decide(
  table: RouteTable,
  path: string,
  rule: RedirectRule,
  matched: Readonly<Record<string, string>>,
  malformed: MalformedRules,
): boolean {
  const answer = answerOf(table, rule, path, matched);
  if (typeof answer === 'string') {
    malformed.line(rule.place, answer, wordsOf(rule));
    return false;
  }
  if (answer) table.set(path, answer);
  return true;
}

function wordsOf({ from, to, status, force }: RedirectRule): Words {
  return [from.source, to, `${status}${force ? '!' : ''}`];
}

/** The answer, or what is wrong with the rule; undefined: the rule is passed over. */

function answerOf(
  table: RouteTable,
  rule: RedirectRule,
  asked: string,
  matched: Readonly<Record<string, string>>,
): Answer | string | undefined {
  if (rule.status >= 300 && rule.status < 400) {
    const location = locationOf(rule.to, matched);
    if (leadsToItself(asked, location)) return undefined;
    return { kind: 'redirect', status: rule.status as RedirectStatus, location };
  }
  const target = rewriteTarget(rule.to, matched);
  const found = target === undefined ? -1 : table.find(target);
  const there = found < 0 ? undefined : table.answer(found);
  if (there === undefined || there.kind === 'redirect') return `${target ?? rule.to} is no file of the site`;
  return { ...there, status: rule.status, asked };
}

/** The rule, or what is wrong with it. */
function lateRule(table: RouteTable, rule: RedirectRule): LateRule | string {
  const { to, status } = rule;
  const from = rule.from.source;
  const fixed = !rule.from.names.some((name) => new RegExp(`:${name}\\b`).test(to));
  if (status >= 300 && status < 400) return { from, to, status };
  if (fixed) {
    const answer = answerOf(table, rule, rewriteTarget(to, {}) ?? to, {})!;
    if (typeof answer === 'string') return answer;
    return { from, to, status, answer: table.add(answer) };
  }
  if (status !== 200) return `a rule with the status ${status} leads to one page, not to ${to}`;
  return { from, to, status };
}

function spaRule(table: RouteTable, home: string): LateRule {
  const answer = table.find(home);
  if (answer < 0 || table.answer(answer).kind === 'redirect') {
    throw new StoreError(`the site has no ${home}index.html, which an application of one page (--spa) is`);
  }
  return {
    from: `${encodeURI(home).replace(/[*:]/g, (c) => (c === '*' ? '%2A' : '%3A'))}*`,
    to: encodeURI(home),
    status: 200,
    answer,
    pages: true,
  };
}
