/** What a program gets that opens a connection on our own stack, and does not get one. */
import type { CloseReason } from './flow.js';

/** A connection could not be opened. `code` is what became of it; the message names the peer. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  constructor(
    readonly code: CloseReason | 'no-route',
    address: string,
    port: number,
  ) {
    super(`no connection to ${address} port ${port}: ${code}`);
  }
}
