/** What all connections of one server, or of one client, share. */

import { Memory } from '../../memory/memory.js';
import type { Clock } from '../../net/flow.js';
import { SendQueue } from '../../net/sockets/libc/send-queue.js';
import type { Primitives, RandomBytes, Target } from '../primitives/primitives.js';
import { MOST_PROTECTED, RECORD_HEADER } from '../wire/numbers.js';
import { Outbox } from './outbox.js';
import { Secrets } from './secrets.js';

/** Bounds on a peer. */
export interface TlsLimits {
  /** Handshakes under way at once; beyond, the one that began first is reset. */
  readonly handshakes: number;
  /** The same for handshakes that OpenSSL does: each takes some 50 KiB. */
  readonly olderHandshakes: number;
  /** Milliseconds for a handshake; then the connection is reset. */
  readonly handshakeTime: number;
  /** Bytes that a peer may send in a handshake. */
  readonly handshakeBytes: number;
  /** Records that a peer may send in a handshake. */
  readonly handshakeRecords: number;
  /** Bytes of one handshake message. */
  readonly message: number;
  /** Empty records of application data one behind the other. */
  readonly emptyRecords: number;
  /** KeyUpdates that a peer may send in a second. */
  readonly keyUpdates: number;
  /** Milliseconds that a peer has to read the alert which ends its connection. */
  readonly linger: number;
  /** Sealed bytes that wait below for a peer that does not read. */
  readonly sealed: number;
}

export const DEFAULT_TLS_LIMITS: TlsLimits = {
  handshakes: 4096,
  olderHandshakes: 1024,
  handshakeTime: 10_000,
  handshakeBytes: 65_536,
  handshakeRecords: 64,
  message: 16_384,
  emptyRecords: 32,
  keyUpdates: 32,
  linger: 2_000,
  sealed: 65_536,
};

/** Seven records of the greatest length. */
const SCRATCH = 7 * (MOST_PROTECTED + RECORD_HEADER);
/** Queues that are kept for connections to come. */
const SPARE_QUEUES = 256;

export class Endpoint {
  readonly primitives: Primitives;
  readonly random: RandomBytes;
  readonly clock: Clock;
  readonly limits: TlsLimits;
  readonly outbox: Outbox;
  readonly secrets = new Secrets();
  /** Where records are sealed that leave at once, and made again if they do not. */
  readonly scratch: Target;
  readonly scratchMemory: Memory;
  readonly #inputs: Target[] = [];
  readonly #queues: SendQueue[] = [];
  /** Gets an error that no peer can have caused. */
  readonly onError: (error: unknown) => void;

  constructor(
    primitives: Primitives,
    random: RandomBytes,
    clock: Clock,
    limits: Partial<TlsLimits>,
    onError: (error: unknown) => void,
  ) {
    this.primitives = primitives;
    this.random = random;
    this.clock = clock;
    this.limits = { ...DEFAULT_TLS_LIMITS, ...limits };
    this.outbox = new Outbox(primitives);
    this.scratch = primitives.target(SCRATCH);
    this.scratchMemory = new Memory(this.scratch.bytes);
    this.onError = onError;
  }

  /** A place to decrypt a record in, until `giveInput`. */
  takeInput(): Target {
    return this.#inputs.pop() ?? this.primitives.target(RECORD_HEADER + MOST_PROTECTED);
  }

  giveInput(target: Target): void {
    this.#inputs.push(target);
  }

  takeQueue(): SendQueue {
    return this.#queues.pop() ?? new SendQueue();
  }

  giveQueue(queue: SendQueue): void {
    queue.clear();
    if (this.#queues.length < SPARE_QUEUES) this.#queues.push(queue);
  }
}
