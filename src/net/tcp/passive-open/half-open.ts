/**
 * A connection in SYN-RECEIVED (RFC 9293 3.3.2): what is remembered of a SYN, in a tiny record, until its SYN-ACK is
 * answered.
 */
import type { Handle, Route } from '../../ip/contracts/ip-output.js';
import type { Segment } from '../../wire/tcp.js';
import { ZERO } from '../numbers/fraction.js';
import { peerMss } from '../send/syn-options.js';

export class HalfOpen {
  iss = 0;
  irs = 0;
  mss = 536;
  /** Peer's window shift; -1: no window scaling. */
  scale = -1;
  sackOk = false;
  timestamps = false;
  ecn = false;
  tsRecent = 0;
  tsOffset = 0;
  sentAt = ZERO;
  /** The SYN-ACK left more than once: only timestamps can show which of them was answered. */
  repeated = false;
  retries = 0;
  /** Challenge ACKs that were sent. */
  challenges = 0;
  deadline = Number.POSITIVE_INFINITY;
  heapAt = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  gone = false;

  constructor(
    readonly route: Route,
    readonly localAddress: Handle,
    readonly remoteAddress: Handle,
    readonly ports: number,
  ) {}

  /** Takes what the SYN offered. */
  offer(segment: Segment, ecn: boolean): void {
    this.irs = segment.seq;
    this.mss = peerMss(segment.mss);
    this.scale = segment.scale;
    this.sackOk = segment.sackPermitted;
    this.timestamps = segment.timestamps;
    this.tsRecent = segment.timestamps ? segment.tsVal : 0;
    this.ecn = ecn;
  }
}
