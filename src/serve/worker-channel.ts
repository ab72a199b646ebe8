/** The messages between the processes of `--workers`. */
import type { CaaRecord } from '../acme/order/ready.js';
import type { FetchRequest, FetchResponse } from '../acme/protocol/fetch.js';
import type { PassedSecret } from '../control/channel.js';
import type { Zone } from '../dns/zone/zone.js';
import type { OpenTap } from '../net/device/linux/tap-open.js';
import type { SharedAddress } from '../net/direct/address/followed-mode.js';
import type { Made } from '../store/compress/shared-work.js';
import type { Report } from './siblings.js';

/** The variable that makes a process a worker; its listening socket, or its queue of the TAP, is `WORKER_FD`. */
export const FROM_WORKERS = 'SITEKERNEL_WORKER';
export const WORKER_FD = 3;
/** With HTTPS over sockets: the listening socket of the HTTP port. 4 is Node's channel. */
export const WORKER_HTTP_FD = 5;
/** With a name server over sockets: its sockets. */
export const WORKER_DNS_FDS = { udp: 6, tcp: 7 } as const;

/** In direct mode: what a worker needs to begin. */
export interface Place {
  readonly say: 'begin';
  readonly number: number;
  readonly count: number;
  /** Where the workers listen for each other. */
  readonly folder: string;
  readonly keys: readonly [number, number];
  readonly tap: Omit<OpenTap, 'fd'>;
  /** The last message of the first worker about its address. */
  readonly address: SharedAddress | undefined;
}

/** What a worker answers names out of. */
export interface NamesMessage {
  readonly say: 'names';
  /** Of this message; the worker says it again when it answers out of these zones. */
  readonly version: number;
  /** Those that have changed since the last message to this worker. */
  readonly zones: readonly Zone[];
  /** The secret of cookies: a client has one with all workers. */
  readonly cookies: Uint8Array;
  /** Where all of them answer; never 0. */
  readonly port: number;
}

/**
 * What a worker does for the first process, which in direct mode has no network: requests to a certificate authority,
 * checks of what that will see (`Outside`), and waiting for secondaries (`spread`).
 */
export type Errand =
  | { readonly to: 'fetch'; readonly request: FetchRequest }
  | { readonly to: 'addresses'; readonly name: string }
  | { readonly to: 'caa'; readonly name: string }
  | { readonly to: 'challenge'; readonly address: string; readonly name: string; readonly token: string }
  | { readonly to: 'spread'; readonly zone: Pick<Zone, 'apex' | 'serial'> };

export interface Brought {
  readonly fetch: FetchResponse;
  readonly addresses: readonly string[];
  readonly caa: readonly CaaRecord[];
  readonly challenge: string;
  readonly spread: undefined;
}

/** What one worker compressed, for the others. */
export interface MadeMessage {
  readonly say: 'made';
  readonly made: Made;
}

export type ToFirst =
  | { readonly say: 'ready' }
  | MadeMessage
  | { readonly say: 'report'; readonly report: Report }
  /** It has an address, and is about to answer for names: it wants the zones. */
  | { readonly say: 'names' }
  /** It answers out of the zones of that message. */
  | { readonly say: 'named'; readonly version: number }
  // In direct mode
  /** The others can reach it. */
  | { readonly say: 'here' }
  | { readonly say: 'address'; readonly address: SharedAddress }
  /** The errand of that number is done; `failure`, for people: why it is not. */
  | { readonly say: 'brought'; readonly number: number; readonly value?: unknown; readonly failure?: string }
  /** Its connections are over; it goes on to answer for the others. */
  | { readonly say: 'drained' }
  /** None of the processes can go on: one message. */
  | { readonly say: 'failed'; readonly why: string };

export type ToWorker =
  | { readonly say: 'drain' }
  | MadeMessage
  | { readonly say: 'others'; readonly reports: readonly Report[] }
  | Place
  | NamesMessage
  /** The secret of session tickets: all workers open each other's. */
  | { readonly say: 'tickets'; readonly tickets: PassedSecret }
  | { readonly say: 'errand'; readonly number: number; readonly errand: Errand }
  /** That worker can be reached. */
  | { readonly say: 'meet'; readonly number: number }
  | { readonly say: 'address'; readonly address: SharedAddress }
  /** All have drained. */
  | { readonly say: 'end' };
