/** `_headers`: fields that a site gives its answers, by the path. */
import type { Field } from './heads.js';

/** What the rules that match do to a head. Keys in lower case. */
export interface FieldChanges {
  readonly set: ReadonlyMap<string, readonly Field[]>;
  readonly removed: ReadonlySet<string>;
}

export interface HeaderRules {
  /** What the rules that match the path asked for or the file served say. */
  fieldsFor(asked: string, file: string): FieldChanges;
}

const NOTHING: FieldChanges = { set: new Map(), removed: new Set() };

export const NO_HEADER_RULES: HeaderRules = { fieldsFor: () => NOTHING };
