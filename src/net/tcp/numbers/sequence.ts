/** Sequence numbers (RFC 9293 3.4): int32, compared modulo 2^32, so that they stay small integers in V8. */

export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const notAfter = (a: number, b: number): boolean => ((a - b) | 0) <= 0;
export const after = (a: number, b: number): boolean => ((a - b) | 0) > 0;
export const notBefore = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
