/** Brings rules of `_redirects` into the table of routes, as far as they can be decided without knowing the path. */
import { locationOf, type RedirectRule, type RuleStatus, rewriteTarget } from '../rules/redirect-rules.js';
import type { Answer, RedirectStatus } from '../site/site.js';
import { StoreError } from '../store-error.js';
import type { RouteTable } from './routes.js';

/** A rule that is looked at when a path is in no table; as the manifest keeps it. */
export interface LateRule {
  readonly from: string;
  readonly to: string;
  readonly status: RuleStatus;
  /** What it leads to, when that does not depend on the path: a number of an answer. */
  readonly answer?: number;
  /** Only for paths whose last segment has no dot: a page that a script draws, never a missing picture. */
  readonly pages?: boolean;
}

/**
 * The first rule that matches a path wins, from top to bottom. A rule for one path goes before a file at that path; one with a
 * star or placeholders leaves files alone unless it is forced (`301!`).
 */
export function applyRedirects(table: RouteTable, rules: readonly RedirectRule[], spa: string | undefined): LateRule[] {
  const files = new Set(table.paths());
  for (const [i, rule] of rules.entries()) {
    const path = rule.from.text;
    if (rule.from.literal) {
      const earlier = rules
        .slice(0, i)
        .find((r) => (!files.has(path) || r.force || r.from.literal) && r.from.match(path));
      if (earlier) continue;
      // A rewrite of a file to another wants force, as both hosts have it; a redirect is meant as it stands.
      if (files.has(path) && rule.status === 200 && !rule.force) continue;
      decide(table, path, rule, {});
      const twin = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
      if (twin && !rules.some((r) => r.from.match(twin)) && !table.served(twin)) decide(table, twin, rule, {});
    } else if (rule.force) {
      for (const file of files) {
        const matched = rule.from.match(file);
        if (matched && !rules.slice(0, i).some((r) => (r.force || r.from.literal) && r.from.match(file)))
          decide(table, file, rule, matched);
      }
    }
  }
  const late = rules.filter((rule) => !rule.from.literal).map((rule) => lateRule(table, rule));
  return spa === undefined ? late : [...late, spaRule(table, spa)];
}

function decide(table: RouteTable, path: string, rule: RedirectRule, matched: Readonly<Record<string, string>>): void {
  const answer = answerOf(table, rule, path, matched);
  if (answer) table.set(path, answer);
}

function answerOf(
  table: RouteTable,
  rule: RedirectRule,
  asked: string,
  matched: Readonly<Record<string, string>>,
): Answer | undefined {
  if (rule.status >= 300 && rule.status < 400) {
    return { kind: 'redirect', status: rule.status as RedirectStatus, location: locationOf(rule.to, matched) };
  }
  const target = rewriteTarget(rule.to, matched);
  const found = target === undefined ? -1 : table.find(target);
  const there = found < 0 ? undefined : table.answer(found);
  if (there === undefined || there.kind === 'redirect')
    throw new StoreError(`${rule.place}: ${target ?? rule.to} is no file of the site`);
  return { ...there, status: rule.status, asked };
}

function lateRule(table: RouteTable, rule: RedirectRule): LateRule {
  const { to, status } = rule;
  const from = encodeURI(rule.from.text);
  const fixed = !rule.from.names.some((name) => new RegExp(`:${name}\\b`).test(to));
  if (status >= 300 && status < 400) return { from, to, status };
  if (fixed) {
    const answer = answerOf(table, rule, decodeURIComponent(sameFile(to)), {})!;
    return { from, to, status, answer: table.add(answer) };
  }
  if (status !== 200)
    throw new StoreError(`${rule.place}: a rule with the status ${status} leads to one page, not to ${to}`);
  return { from, to, status };
}

function sameFile(to: string): string {
  return to.replace(/[?#][\s\S]*$/, '');
}

function spaRule(table: RouteTable, home: string): LateRule {
  const answer = table.find(home);
  if (answer < 0 || table.answer(answer).kind === 'redirect') {
    throw new StoreError(`the site has no ${home}index.html, which an application of one page (--spa) is`);
  }
  return { from: `${encodeURI(home)}*`, to: encodeURI(home), status: 200, answer, pages: true };
}
