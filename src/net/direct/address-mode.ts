import type { LeaseInfo } from '../flow.js';

/** How an address comes to a stack, and what is told of it. */
export interface AddressMode {
  /** The stack is running. */
  start(now: number): void;
  /** Does what is due; answers when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
  /** Gives the address back where that is possible; the caller flushes. */
  stop(now: number): void;
  /** The lease that there is now. */
  lease?(now: number): LeaseInfo | undefined;
}

export interface AddressEvents {
  /** The stack has this address now; undefined: it has none any more. */
  address(text: string | undefined): void;
  /** In order, for a log: one sentence. */
  event(sentence: string): void;
  /** For the operator: one sentence. */
  notice(sentence: string): void;
  /** There is no way to go on: one sentence. */
  failed(sentence: string): void;
}
