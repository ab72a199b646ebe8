/**
 * A connection whose handshake is over, on its way to another program: both keys with the numbers of their next records
 * (RFC 8446 5.3), what has begun to come, and what waits to be sealed. What is sealed and not acknowledged is TCP's.
 */
import type { Piece } from '../../memory/pieces.js';

/** The secret of one direction, from which its key comes, and the number of its next record. */
export interface MovedDirection {
  readonly secret: Uint8Array;
  readonly number: number;
}

/** What is so, or is due, of a connection: bits. */
export const FLAG = {
  /** Nothing more is written; close_notify was sent; the peer's came; a KeyUpdate of ours is due. */
  endAsked: 1,
  ended: 2,
  peerEnded: 4,
  updateDue: 8,
} as const;

/** What was read. */
export interface MovedReader {
  readonly reading: MovedDirection;
  /** The beginning of a record, as it came; and of a handshake message, decrypted. */
  readonly incoming: Uint8Array;
  readonly message: Uint8Array;
  /** Empty records in a row; KeyUpdates in a second, and ms since that began. */
  readonly counts: readonly [number, number, number];
}

/** What is written. */
export interface MovedWriter {
  readonly writing: MovedDirection;
  /** As `RecordSizes.moved`. */
  readonly sizes: readonly [number, number];
}

export interface MovedFlow extends MovedReader, MovedWriter {
  /** Of this record. */
  readonly tls: number;
  /** CipherSuite (RFC 8446 B.4), of both directions. */
  readonly suite: number;
  /** Plaintext that waits. */
  readonly queue: readonly Piece[];
  /** Of `FLAG`. */
  readonly flags: number;
  readonly alpn: string | null;
  readonly serverName: string | null;
  /** What the owner answered to `freeze`. */
  readonly owner: unknown;
}

export const VERSION = 1;
