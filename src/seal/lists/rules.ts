/** The words in which lists of allowed system calls are written. */

/** What an argument must be. Arguments are compared in their low 32 bits, but for `within`. */
export type Condition =
  /** `(argument & mask) === value`. */
  | { readonly argument: number; readonly mask: number; readonly value: number }
  /** `start <= argument < end`, 64 bits, for one of the ranges. */
  | { readonly argument: number; readonly within: readonly AddressRange[] };

/** Addresses of this process; `end` is the first behind it. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

export interface Rule {
  /** Names; those that a machine does not have are left out there. */
  readonly calls: readonly string[];
  /** Why the server makes these calls once it is sealed. */
  readonly why: string;
  /** Allowed when all conditions of one of these hold; undefined: always. */
  readonly when?: readonly (readonly Condition[])[];
  /** Not allowed, and no attack either: it fails with this error number, in every mode, without a line in the log. */
  readonly errno?: number;
}

/** `allow('read write', 'why')`. */
export function allow(calls: string, why: string, ...when: readonly (readonly Condition[])[]): Rule {
  return when.length === 0 ? { calls: calls.split(' '), why } : { calls: calls.split(' '), why, when };
}

export function fail(calls: string, errno: number, why: string): Rule {
  return { calls: calls.split(' '), why, errno };
}

/** Argument `argument` is one of `values`: an alternative for each. */
export function oneOf(argument: number, ...values: readonly number[]): Condition[][] {
  return values.map((value) => [exactly(argument, value)]);
}

/** Argument `argument` is `value`. */
export function exactly(argument: number, value: number): Condition {
  return { argument, mask: 0xffff_ffff, value };
}

/** Argument `argument` has none of the bits. */
export function without(argument: number, bits: number): Condition {
  return { argument, mask: bits, value: 0 };
}

/** Argument `argument` has all of the bits. */
export function having(argument: number, bits: number): Condition {
  return { argument, mask: bits, value: bits };
}
