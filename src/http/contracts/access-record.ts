import type { Flow } from '../../net/flow.js';

/**
 * One answer, for logs and metrics. The object is used again for the next: take from it what is needed before
 * returning.
 */
export interface AccessRecord {
  readonly flow: Flow;
  /** The client's address: the other end of `flow`, or the client that a trusted proxy names. */
  readonly client: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly status: number;
  /** Bytes of content, without the head. */
  readonly contentBytes: number;
  /** Milliseconds from the request's first byte to the answer's first byte handed to the network. */
  readonly elapsed: number;
  /** Latin-1, as it came; empty when the request did not parse. */
  readonly method: string;
  readonly target: string;
  /** `HTTP/1.1` or `HTTP/2.0`; empty when the request did not parse. */
  readonly protocol: string;
  /** Fields of the request; undefined: they were not there. */
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  readonly host: string | undefined;
}
