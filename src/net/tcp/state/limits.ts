/** Bounds and times of the TCP layer; milliseconds and bytes. */
export interface TcpLimits {
  /**
   * Bytes for everything: records of all kinds, data out of order, data that its owner has not read. Above this limit
   * state gives way: see `budget.ts`. What is queued to be sent is the owner's memory, by reference, and not counted.
   */
  readonly memory: number;
  /** Connections, half-open and TIME-WAIT not counted. */
  readonly connections: number;
  /** Half-open connections that are remembered; beyond it SYN cookies answer. */
  readonly synQueue: number;
  readonly timeWait: number;
  /** Receive buffer of a connection: reassembly and data held while paused. */
  readonly receiveBuffer: number;
  /** RFC 9293 3.8.6.3: under 500 ms. */
  readonly delayedAck: number;
  /** R2 and RFC 5482: unacknowledged data ends the connection after this. */
  readonly userTimeout: number;
  /** Retransmissions of a SYN (1, 2, 4 … s apart). RFC 9293 MUST-23: at least 3 minutes. */
  readonly synRetries: number;
  /** Retransmissions of a SYN-ACK. */
  readonly synAckRetries: number;
  /** How long FIN-WAIT-2 waits for the peer's FIN. */
  readonly finWait2: number;
  /**
   * Challenge ACKs of a connection in five seconds (RFC 5961 7). Not over all connections: a common count would show a
   * stranger which connections exist, and where their windows are (CVE-2016-5696).
   */
  readonly challenges: number;
  /**
   * RSTs that segments without a connection draw in a second, and at once; apart from them as many answers out of
   * TIME-WAIT. A frame that is of no use to anybody must not cost us another frame.
   */
  readonly strays: number;
  /**
   * SYNs that are answered in a second, a fifth of them at once. A fifth more are answered of those that come again.
   */
  readonly synAcks: number;
}

export const DEFAULT_LIMITS: TcpLimits = {
  memory: 512 * 1024 * 1024,
  connections: 200_000,
  synQueue: 4096,
  timeWait: 65_536,
  receiveBuffer: 262_144,
  delayedAck: 40,
  userTimeout: 120_000,
  synRetries: 7,
  synAckRetries: 5,
  finWait2: 60_000,
  challenges: 10,
  strays: 1000,
  synAcks: 80_000,
};
