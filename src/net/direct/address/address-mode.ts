import type { Lease } from '../../dhcp/lease.js';
import type { LeaseInfo } from '../../flow.js';
import type { Ipv6ModeEvents } from './ipv6-mode.js';
import type { Ipv6State } from './ipv6-state.js';

/** How an address comes to a stack, and what is reported of it. */
export interface AddressMode {
  /** The stack is running. */
  start(now: number): void;
  /** Does what is due; returns when it wants to be called again (`Infinity`: never). */
  poll(now: number): number;
  /** Gives the address back where that is possible; the caller flushes. */
  stop(now: number): void;
  /** What a program that took this one's place would have to know. Undefined: there is no address. */
  state(now: number): AddressState | undefined;
  /** Stops, and gives the address to a program that takes this one's place. Undefined: there is none. */
  leave(now: number): AddressState | undefined;
  /** Goes on with an address that a predecessor had, `elapsed` ms ago: announces it, without a probe. */
  adopt(state: AddressState, now: number, elapsed: number): void;
  /**
   * The link is up after it was down, or on a bridge again: neighbours are asked for anew, and the address is looked
   * at.
   */
  linkUp?(now: number): void;
  /** The machine slept for that number of milliseconds, which `now` does not count. */
  slept?(milliseconds: number, now: number): void;
  /** The lease that there is now. */
  lease?(now: number): LeaseInfo | undefined;
}

/**
 * What goes along; JSON. `address`: of IPv4, in text; undefined: there is none. The lease's times are ms from the
 * moment of the hand-over; -1: never.
 */
export interface AddressState {
  readonly address?: string | undefined;
  readonly ipv6?: Ipv6State | undefined;
  readonly lease?:
    | (Omit<Lease, 'renewAt' | 'rebindAt' | 'expiresAt' | 'seconds'> & {
        readonly renewIn: number;
        readonly rebindIn: number;
        readonly expiresIn: number;
        readonly seconds: number;
      })
    | undefined;
}

export interface AddressEvents extends Ipv6ModeEvents {
  /** The stack has this IPv4 address now, and further ones; undefined: it has none any more. */
  address(text: string | undefined, further?: readonly string[]): void;
  /** There is no way to go on: one message. */
  failed(sentence: string): void;
}

/** The same, `milliseconds` later. */
export function agedAddress(state: AddressState, milliseconds: number): AddressState {
  const { lease } = state;
  if (lease === undefined) return state;
  const left = (time: number): number => (time < 0 ? time : Math.max(0, time - milliseconds));
  const { renewIn, rebindIn, expiresIn } = lease;
  return {
    ...state,
    lease: { ...lease, renewIn: left(renewIn), rebindIn: left(rebindIn), expiresIn: left(expiresIn) },
  };
}
