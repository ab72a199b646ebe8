/** Validates the manifest of a bundle: before that it is JSON of any shape. */

import type { Manifest } from '../bundle/manifest.js';
import type { LateRule } from '../routes/apply-redirects.js';
import { isFieldName, isFieldOfSite, MAX_HEADER_RULES } from '../rules/header-rules.js';
import { PathPattern } from '../rules/path-pattern.js';
import { MAX_DYNAMIC, STATUSES, wrongTarget } from '../rules/redirect-rules.js';

/** Characters of a path or a target in a rule, percent-encoded. */
const LONGEST_RULE = 8000;
const MOST_FIELDS = 1000;

type Json = Readonly<Record<string, unknown>>;

/**
 * The manifest in `bytes`, or what is wrong with it, in a few words. `leadsTo`: whether the answer of that number is
 * one that a rule may lead to.
 */
export function validateManifest(bytes: Uint8Array, leadsTo: (answer: number) => boolean): Manifest | string {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Every exception is caught: SyntaxError of JSON, TypeError of UTF-8, RangeError of too deep nesting.
    return 'its manifest is not JSON';
  }
  if (!isObject(json)) return 'its manifest is no object';
  const { compressors = {}, security, headers, redirects } = json;
  if (!isObject(compressors) || !Object.values(compressors).every((one) => typeof one === 'string'))
    return 'the compressors in its manifest';
  if (typeof security !== 'boolean') return 'its manifest does not tell of security fields';
  if (!isList(headers, MAX_HEADER_RULES) || !headers.every(isHeaderRule)) return 'a rule about header fields';
  // One more: a single-page application is a rule of its own.
  if (!isList(redirects, MAX_DYNAMIC + 1) || !redirects.every((rule) => isLateRule(rule, leadsTo)))
    return 'a rule about redirects';
  return json as unknown as Manifest;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown, most: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= most;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_RULE;
}

function isHeaderRule(rule: unknown): boolean {
  if (!isObject(rule) || !isText(rule['path']) || typeof PathPattern.parse(rule['path']) === 'string') return false;
  const { fields } = rule;
  return isList(fields, MOST_FIELDS) && fields.every(isField);
}

function isField(field: unknown): boolean {
  if (!isObject(field) || !isText(field['name'])) return false;
  const { name, value } = field;
  return value === undefined ? isFieldName(name) : isText(value) && isFieldOfSite(name, value);
}

function isLateRule(rule: unknown, leadsTo: (answer: number) => boolean): rule is LateRule {
  if (!isObject(rule)) return false;
  const { from, to, status, answer, pages } = rule;
  if (!isText(from) || !isText(to) || typeof status !== 'number' || !STATUSES.has(status)) return false;
  if (pages !== undefined && typeof pages !== 'boolean') return false;
  if (answer !== undefined && !(Number.isInteger(answer) && (answer as number) >= 0 && leadsTo(answer as number)))
    return false;
  const pattern = PathPattern.parse(from);
  if (typeof pattern === 'string' || wrongTarget(to, pattern) !== undefined) return false;
  // Only redirects and rewrites are computed from the path; every other status has its page.
  return answer !== undefined || status === 200 || (status >= 300 && status <= 399);
}
