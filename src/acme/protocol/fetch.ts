/** How requests travel to the certificate authority: handed in, so that a test's authority is a function. */

export interface FetchRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** An absolute address over https. */
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FetchResponse {
  readonly status: number;
  /** By name in small letters; several lines of one name joined by a comma. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Bytes of a response that are read; a longer one is a failure. */
export const LONGEST_RESPONSE = 262_144;

/**
 * Sends one request; follows no redirect. Rejects with an `AcmeError` of code `unreachable` when there is no response,
 * or none in time, or one longer than `LONGEST_RESPONSE`.
 */
export type Fetch = (request: FetchRequest) => Promise<FetchResponse>;
