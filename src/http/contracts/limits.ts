/** Bounds on what a peer may send or hold. Sizes in bytes. */
export interface HttpLimits {
  /** Request line with its CRLF; longer: 414 (501 when not even the method ends). RFC 9112 3 asks for 8000 at least. */
  readonly requestLine: number;
  /** One field line with its CRLF; longer: 431. */
  readonly fieldLine: number;
  /** The whole head, from the request line to the empty line; longer: 431. */
  readonly head: number;
  /** Field lines in a head or in trailers; more: 431. */
  readonly fields: number;
  /** Empty lines before a request line (RFC 9112 2.2); more: 400. */
  readonly blankLines: number;
  /** Content of a request, read and thrown away; more: 413 and the connection closes. */
  readonly body: number;
  /** Chunk extensions and trailers of one body together; more: 400. */
  readonly chunkOverhead: number;
  /** Connections at once. Up to `refusals` more are answered with 503 and `Retry-After`; the rest is reset. */
  readonly connections: number;
  /** Connections at once from one address, refused likewise; 0: no separate bound. */
  readonly connectionsPerClient: number;
  /** Connections beyond the caps that wait for their 503 or receive it. */
  readonly refusals: number;
  /**
   * Bytes that all connections together keep of requests that are unfinished, or wait behind answers. A request that
   * would need more is answered with 503 and `Retry-After`; a request that comes in one piece needs none.
   */
  readonly unfinished: number;
  /** Requests on one connection, after which it closes. */
  readonly requestsPerConnection: number;
  /** Pipelined requests answered before other connections have their turn. */
  readonly turn: number;
  /** Bytes of answers queued on one connection beyond which its next request waits. */
  readonly queued: number;
  /**
   * Of these, bytes that were made for the connection's answers alone: a client that reads nothing holds this many of
   * them and one answer at most.
   */
  readonly own: number;
  /** Parts of a multipart answer, after overlapping and near ranges are merged; more: the whole resource, 200. */
  readonly ranges: number;
  /**
   * Bytes read and thrown away after the connection's last answer, so that no reset overtakes it; then reading stops.
   */
  readonly linger: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  requestLine: 8192,
  fieldLine: 8192,
  head: 32768,
  fields: 100,
  blankLines: 8,
  body: 1048576,
  chunkOverhead: 16384,
  connections: 131072,
  connectionsPerClient: 0,
  refusals: 1024,
  unfinished: 67108864,
  requestsPerConnection: 1000000,
  turn: 64,
  queued: 524288,
  own: 16384,
  ranges: 16,
  linger: 1048576,
};

/** Times in milliseconds. */
export interface HttpTimeouts {
  /** From a connection's start, or a request's first byte, to the end of its head; then 408. */
  readonly head: number;
  /** For the content of one request; then 408. */
  readonly body: number;
  /** Without a request on a connection that stays open; then it closes. */
  readonly idle: number;
  /** Time in which the peer takes no byte of the queue; then, or a sixth of the time later, the connection is reset. */
  readonly send: number;
  /** For the peer's FIN after our last answer; then the connection is reset. */
  readonly linger: number;
  /** What `Retry-After` says at the caps; rounded up to seconds. */
  readonly retryAfter: number;
}

export const DEFAULT_TIMEOUTS: HttpTimeouts = {
  head: 20000,
  body: 30000,
  // Longer than the minute for which load balancers keep a connection: the side that sends requests is to end it first.
  idle: 75000,
  send: 60000,
  linger: 5000,
  retryAfter: 10000,
};
