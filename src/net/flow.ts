/**
 * The one contract between `http/` and `net/`: `Network`, `Listener`, `Flow`. Code that is written against it does not
 * know whether the kernel's sockets or our own stack carries the bytes.
 *
 * Everything runs to completion: the network calls the handler, the handler writes, and what it wrote leaves when the
 * handler returns (or at `flush()`), so that a head, a date and a body become one segment and ride on the ACK.
 */
import type { Memory } from '../memory/memory.js';
import type { Carrier, FindMemory } from '../memory/pieces.js';

/** One end of a flow, in text form: an IPv4 dotted quad or the IPv6 text of RFC 5952 and a port of 0..65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Why a flow is over. `finished`: both sides said FIN. The others end it at once; nothing more arrives. */
export type CloseReason =
  | 'finished'
  | 'reset-by-peer'
  | 'reset-by-us'
  | 'timed-out'
  | 'unreachable'
  | 'address-lost'
  | 'refused'
  | 'shed'
  | 'network-closed'
  | 'failed';

/** What goes wrong without ending a flow: R1 was passed (RFC 9293 3.8.3), or ICMP reported a soft error (3.9.2.2). */
export type Trouble = 'no-answer' | 'unreachable' | 'time-exceeded' | 'parameter-problem';

/** The reports that the owner of a flow gets. One object may serve many flows; no call happens after `closed`. */
export interface FlowHandler {
  /** Bytes in order. `bytes[start..end)` is valid during the call only: the buffer is used again. */
  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void;
  /** The peer sent FIN: no more data will come. Writing goes on until `end()`. */
  ended(flow: Flow): void;
  /** `queued` fell to or below `lowWater` after it had been above. */
  drained(flow: Flow): void;
  /**
   * Something is wrong that may pass. An owner without this method gets no report (RFC 9293 SHLD-20). Our own stack
   * only.
   */
  trouble?(flow: Flow, trouble: Trouble): void;
  /** Urgent data is on its way or here, `left` bytes of it not handed over yet (RFC 9293 3.8.5). Our own stack only. */
  urgent?(flow: Flow, left: number): void;
  /** The flow is gone. Called exactly once. */
  closed(flow: Flow, reason: CloseReason): void;
  /**
   * The flow could go on in another program. Returns what has to be known there: plain JSON, and with a `carrier` also
   * arrays of bytes, which belong to the answer, and pieces that the carrier made. From then on the owner asks nothing
   * of the flow, until `thaw`. Undefined: it stays, for now. Without a `carrier` the other program takes JSON alone. An
   * owner without this keeps all of its flows. Our own stack only.
   */
  freeze?(flow: Flow, carrier?: Carrier): unknown;
  /** The memories that pieces in the answer to `freeze` would be of. */
  memories?(flow: Flow): Iterable<Memory>;
  /** A frozen flow goes on here; an adopted one begins to. */
  thaw?(flow: Flow): void;
  /** A frozen flow is another program's. It is not `closed`, and no further report of it comes here. */
  moved?(flow: Flow): void;
}

/**
 * What a connection knows of its path; for logs, metrics and the status page. Times in milliseconds, sizes in bytes.
 */
export interface FlowInfo {
  readonly srtt: number | undefined;
  readonly rttvar: number | undefined;
  readonly cwnd: number | undefined;
  readonly ssthresh: number | undefined;
  readonly bytesInFlight: number | undefined;
  readonly retransmissions: number | undefined;
  readonly state: string;
}

/** What protects a flow, once its handshake is over. */
export interface FlowSecurity {
  readonly protocol: 'TLSv1.2' | 'TLSv1.3';
  /** The protocol that both sides chose (RFC 7301): `h2`, `http/1.1`; undefined: the peer offered none. */
  readonly alpn: string | undefined;
  /** The host name that the client asked for (RFC 6066 3), in small letters; undefined: none. */
  readonly serverName: string | undefined;
  /** `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
}

export interface Flow {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Undefined: cleartext. Known when the flow is accepted. */
  readonly security?: FlowSecurity | undefined;
  /**
   * What comes now may be a replay of what another connection said (RFC 8446 8): it came before the end of its
   * handshake. Absent: it cannot be.
   */
  readonly early?: boolean;
  /** Gets the flow's reports. Set by the accept callback before it returns. */
  handler: FlowHandler;
  /** A slot for the owner, so that one handler object can serve every flow without a map. */
  context: unknown;
  /**
   * Bytes accepted by `write` that the peer has not acknowledged (our stack), or the kernel has not taken (sockets).
   */
  readonly queued: number;
  /**
   * Bytes that the peer has not acknowledged, those included that the kernel has taken; asked of the kernel each time.
   * Undefined: nothing more than `queued` is known.
   */
  readonly unacknowledged?: number | undefined;
  /**
   * `drained` is called when `queued` falls to this; bytes, 0 or more. May be set at any time, and holds for what is
   * queued already.
   */
  lowWater: number;
  /**
   * Queues `memory.bytes[start..end)` by reference. Never copies more than a segment, never refuses: a writer that
   * produces without end looks at `queued` and waits for `drained`. After `end()` or `reset()` it does nothing.
   */
  write(memory: Memory, start: number, end: number): void;
  /**
   * Sends the first bytes of `memory.bytes[start..end)`, as many as can leave at once, and refers to none of them
   * afterwards; nothing may be queued. Returns how many bytes left; if not all did, `drained` is called when there is
   * room. Undefined: the network keeps what it sends (our own stack, for retransmission), or does not know when there
   * is room.
   */
  offer?(memory: Memory, start: number, end: number): number;
  /** Sends what is queued now. Needed only outside the handler's calls (a timer, a finished computation). */
  flush(): void;
  /** FIN after everything queued. */
  end(): void;
  /** RST; drops everything queued. `closed` follows with `reset-by-us`. */
  reset(): void;
  /** Stops reading: the receive window closes once the receive buffer is full. */
  pause(): void;
  resume(): void;
  info(): FlowInfo;
}

/** Hands a new flow to its owner, which sets `flow.handler` before it returns. */
export type Accept = (flow: Flow) => void;

/**
 * Offers a flow that another program had, with what its owner there answered to `freeze`, and with the memories that
 * its pieces may be of. The new owner sets `flow.handler` and returns true, and asks nothing of the flow until `thaw`;
 * or returns false, and the flow stays where it is.
 */
export type Adopt = (flow: Flow, state: unknown, find?: FindMemory) => boolean;

export interface Listener {
  readonly endpoint: Endpoint;
  /** No new flows; those that are open go on. */
  close(): void;
}

/** A timer that was asked for; `cancel` after it has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as a network gives it: real, or virtual in a simulation. */
export interface Clock {
  /** Milliseconds, monotonic, with a fraction; the zero is arbitrary. */
  now(): number;
  /** Milliseconds since 1970-01-01T00:00Z. For `Date`, logs and leases that outlive the process. */
  wallClock(): number;
  /**
   * Another number whenever the network has looked at the machine's clock for a call. Undefined: between calls, or the
   * network does not report it.
   */
  readonly look?: number | undefined;
  /** Calls `callback` once, `delay` milliseconds from now (0 or more). */
  schedule(delay: number, callback: () => void): Timer;
}

/** An address from a DHCP server. Times in seconds from now; `Infinity`: never. */
export interface LeaseInfo {
  /** With its prefix: `10.0.0.7/24`. */
  readonly address: string;
  readonly gateway: string | undefined;
  readonly server: string;
  readonly state: string;
  /** As the server gave it. */
  readonly seconds: number;
  readonly renewsIn: number;
  readonly expiresIn: number;
}

export interface Network {
  readonly clock: Clock;
  /** The address that clients reach, in text; undefined while DHCP has none. */
  readonly address: string | undefined;
  /** All of them, where there may be several: `address` is the first. */
  readonly addresses?: readonly string[];
  /** Gets each further address that clients reach, once this is set. */
  onAddress?: (address: string) => void;
  /**
   * `port` 0 lets the network choose. Rejects with an `Error` whose message is for people (port in use, no right).
   * `adopt`: asked for flows of that port that come from another program; without it they stay there.
   */
  listen(port: number, accept: Accept, adopt?: Adopt): Promise<Listener>;
  /** Numbers by name, for logs and metrics: drops by reason, TCP counters. */
  counters(): Readonly<Record<string, number>>;
  /** Those of them that are drops, by reason, where the network drops anything itself. */
  dropped?(): Readonly<Record<string, number>>;
  /**
   * Asked when a connection waits and no descriptor is left for it. True: the owner ended a flow, whose descriptor is
   * free now. Networks on the kernel's sockets only.
   */
  onExhausted?: (() => boolean) | undefined;
  /** How it has its address, where it knows. */
  lease?(): LeaseInfo | undefined;
  /** Closes the listeners, lets open flows finish for at most `drain` milliseconds, then resets the rest. */
  close(drain: number): Promise<void>;
}
