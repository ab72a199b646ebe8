/**
 * What a connection asks at each ACK, loss, timeout and transmission: `CongestionControl` says how much may be in
 * flight and how fast it may leave; `LossRecovery` (RACK-TLP with SACK, NewReno without) says what is lost. Each
 * implementation is one file that cites its RFC. Sizes in bytes, times in milliseconds (fractions down to a
 * microsecond).
 */

/** One delivery-rate sample (draft-cheng-iccrg-delivery-rate-estimation): what an ACK reports of the path. */
export interface RateSample {
  /** Bytes a millisecond, 0 while unknown. */
  deliveryRate: number;
  /** The sample was taken while the sender had nothing to send: the rate is a lower bound. */
  appLimited: boolean;
  /** Bytes newly delivered (cumulatively acknowledged or SACKed) by this ACK. */
  newlyDelivered: number;
  /** Bytes newly marked lost since the previous ACK. */
  newlyLost: number;
  /** RTT measured by this ACK; 0 when it measured none (Karn). */
  rtt: number;
  /** `delivered` at the time the newest acknowledged segment was sent. */
  priorDelivered: number;
  /** Bytes lost between that segment's transmission and now. */
  lost: number;
  /** Bytes in flight when that segment was sent. */
  txInFlight: number;
  /** Bytes in flight before this ACK was processed. */
  priorInFlight: number;
  /** Bytes in flight now. */
  inFlight: number;
  /** Bytes acknowledged cumulatively by this ACK. */
  acked: number;
  /** This ACK carried ECE (RFC 3168). */
  ece: boolean;
}

/** What the controller may read of its connection. */
export interface SenderView {
  readonly mss: number;
  readonly sndUna: number;
  readonly sndNxt: number;
  readonly srtt: number;
  readonly minRtt: number;
  readonly inFlight: number;
  /** Bytes delivered in the connection's life. */
  readonly delivered: number;
  /** The window, not the application, was what held the sender back in the last round (RFC 7661, 9438 5.8). */
  readonly cwndLimited: boolean;
  /** The connection is recovering from a timeout: what an ACK covers may have arrived long before that ACK. */
  readonly timedOut: boolean;
}

export interface CongestionControl {
  readonly name: 'reno' | 'cubic' | 'bbr';
  /** It wants delivery rates. Without it none are taken, and the rates in a `RateSample` stay 0. */
  readonly rates: boolean;
  /** Bytes that may be in flight outside of a recovery. */
  cwnd: number;
  ssthresh: number;
  /** Bytes a millisecond at which segments may leave; 0: not paced by the controller. */
  pacingRate: number;
  /** Nothing but `cwnd` is worth keeping while nothing is in flight. */
  readonly calm?: boolean;
  /** As new, for another connection or for this one after a rest. Without it another one is made. */
  renew?(): void;
  /** The connection is established and the MSS is known. */
  start(sender: SenderView, now: number): void;
  /**
   * Bytes that may be in flight in a recovery that no timeout began. `prr`: what proportional rate reduction (RFC 6937)
   * allows.
   */
  recoveryWindow(prr: number): number;
  /**
   * An ACK moved something forward. `inRecovery`: PRR owns the window meanwhile (controllers that model the path ignore
   * it).
   */
  onAck(sender: SenderView, sample: RateSample, inRecovery: boolean, now: number): void;
  /** Recovery begins: the first loss of a window was detected, or (`ecn`) the first ECE of one. Sets `ssthresh`. */
  onCongestion(sender: SenderView, ecn: boolean, now: number): void;
  /** Recovery ended: everything sent before it began is acknowledged. */
  onRecovered(sender: SenderView, now: number): void;
  /** The retransmission timer expired (RFC 5681 3.1, RFC 6298). */
  onTimeout(sender: SenderView, now: number): void;
  /** The loss or timeout was spurious (F-RTO, DSACK, timestamps): the state before it comes back. */
  onSpurious(sender: SenderView, now: number): void;
  /** Segments are sent after nothing was in flight for `idle` ms. RFC 5681 4.1, RFC 9438 4.2. */
  onIdle(sender: SenderView, idle: number, now: number): void;
  /** A segment leaves. */
  onSend(sender: SenderView, bytes: number, now: number): void;
}
