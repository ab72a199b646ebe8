/**
 * Sees every TCP segment with the connection's state; costs one comparison where no probe is set. Traces, plots, the
 * status page, pcapng comments and the conformance ledger feed on it.
 */
export interface ProbeEvent {
  readonly now: number;
  readonly direction: 'in' | 'out';
  /** `address:port` of the peer, `[address]:port` for IPv6, and our port. */
  readonly remote: string;
  readonly localPort: number;
  readonly seq: number;
  readonly ack: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  readonly flags: number;
  readonly length: number;
  readonly window: number;
  readonly stateBefore: string;
  readonly stateAfter: string;
  readonly sndUna: number;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly srtt: number;
  readonly inFlight: number;
}

export type Probe = (event: ProbeEvent) => void;
