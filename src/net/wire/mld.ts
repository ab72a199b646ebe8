/** Multicast listener discovery: MLDv1 (RFC 2710 3) and MLDv2 (RFC 3810 5). */

/** Bytes of an MLDv1 message, and of the fixed part of an MLDv2 query. */
export const MLDV1_LENGTH = 24;
export const MLDV2_QUERY_LENGTH = 28;
/** Bytes of an MLDv2 report without records, and of a record without sources. */
export const REPORT_HEADER = 8;
export const RECORD = 20;

/** Types of records (RFC 3810 5.2.12). */
export const MODE_IS_EXCLUDE = 2;
export const CHANGE_TO_INCLUDE = 3;
export const CHANGE_TO_EXCLUDE = 4;

/** The maximum response delay of a query, ms (RFC 3810 5.1.3). `code`: as it stands; `v1`: plain milliseconds. */
export function responseDelay(code: number, v1: boolean): number {
  if (v1 || code < 0x8000) return code;
  return ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3);
}
