/**
 * What a `catch` names: the codes of the errors that it is for. All other errors go on, above all those that are bugs
 * of ours.
 */
import { UserError, type UserErrorCode } from './user-error.js';

type Code = UserErrorCode | `E${Uppercase<string>}`;

/** Whether `error` has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly Code[]): boolean {
  const code = codeOf(error);
  return code !== undefined && (codes as readonly string[]).includes(code);
}

/** The code of an error of the operating system, of Node, or of ours; undefined: it has none. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * ENOENT, EAI_AGAIN; ERR_SYSTEM_ERROR of `node:os`. Those of Node's own checks, such as ERR_INVALID_ARG_TYPE, are
 * bugs of ours.
 */
const SYSTEM = /^(?:E(?!RR_)[A-Z0-9_]+|ERR_SYSTEM_ERROR)$/;

/** Whether a call to the operating system failed: ENOENT, EACCES, EIO … */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return SYSTEM.test(codeOf(error) ?? '');
}

/** Throws `error` again unless it has one of these codes. */
export function expectCode(error: unknown, ...codes: readonly Code[]): void {
  if (!hasCode(error, ...codes)) throw error;
}

/** Throws `error` again unless a call to the operating system failed. */
export function expectSystemError(error: unknown): void {
  if (!isSystemError(error)) throw error;
}

/** For `catch` of a promise: `value` where an error has one of these codes. Throws every other one again. */
export function ifCode<T>(value: T, ...codes: readonly Code[]): (error: unknown) => T {
  return (error) => {
    expectCode(error, ...codes);
    return value;
  };
}

/** For `catch` of a promise: `value` where a call to the operating system failed. Throws every other error again. */
export function ifSystemError<T>(value: T): (error: unknown) => T {
  return (error) => {
    expectSystemError(error);
    return value;
  };
}

/** What OpenSSL says of a key or a certificate that it was given. */
const OPENSSL = /^ERR_OSSL_/;

/** Whether `error` is a bug of ours: neither a `UserError` nor one of the operating system or of OpenSSL. */
export function isBug(error: unknown): boolean {
  return !(error instanceof UserError) && !isSystemError(error) && !OPENSSL.test(codeOf(error) ?? '');
}

/** For `catch` of a promise: `value` unless the error is a bug of ours, which is thrown again. */
export function ifNoBug<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isBug(error)) throw error;
    return value;
  };
}
