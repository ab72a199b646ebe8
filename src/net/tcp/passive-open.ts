/**
 * Half-open connections: tiny records in a bounded queue, and SYN cookies (RFC 4987 3.6) past the bound, so that a flood
 * costs no memory and a client that comes meanwhile is served.
 */
import type { Ipv4, Route } from '../ip-output.js';
import type { Segment } from '../wire/tcp.js';
import type { KeyedHash } from './keyed-hash.js';
import { after } from './sequence.js';
import { peerMss } from './syn-options.js';

/** MSS values that a cookie can carry: 3 bits. */
const COOKIE_MSS = [64, 536, 1200, 1300, 1360, 1400, 1440, 1460];
/** A cookie's counter ticks once a minute; a cookie lives for two ticks (RFC 4987 3.6 suggests minutes). */
const COOKIE_TICK = 60_000;

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
  sentAt = 0;
  /** The SYN-ACK left more than once: which of them was answered only timestamps can tell. */
  repeated = false;
  retries = 0;
  /** ACKs that told where we are. */
  challenges = 0;
  deadline = Number.POSITIVE_INFINITY;
  heapAt = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  gone = false;

  constructor(
    readonly route: Route,
    readonly localAddress: Ipv4,
    readonly remoteAddress: Ipv4,
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

/** 12 bits that know who and when, and 12 that know the first sequence number too. */
function cookieHash(hash: KeyedHash, half: HalfOpen, tick: number): number {
  const who = hash.of(half.remoteAddress, half.localAddress ^ tick, half.ports, 0xc00c) & 0xfff;
  const all = hash.of(half.remoteAddress, half.localAddress ^ tick, half.ports, half.irs) & 0xfff;
  return (who << 12) | all;
}

/** The ISS of a half-open connection that is not remembered: 5 bits counter, 3 bits MSS, 24 bits hash. */
export function makeCookie(hash: KeyedHash, half: HalfOpen, now: number): number {
  const tick = Math.floor(now / COOKIE_TICK);
  let index = 0;
  for (let i = 0; i < COOKIE_MSS.length; i++) if (COOKIE_MSS[i] <= half.mss) index = i;
  return ((tick & 31) << 27) | (index << 24) | cookieHash(hash, half, tick);
}

/** `checkCookie`: the cookie is ours, but this is not the first segment after the SYN. */
export const LATER_SEGMENT = -1;

/** The MSS of a valid cookie, or 0. `half.irs` is what the ACK says of it. */
export function checkCookie(hash: KeyedHash, half: HalfOpen, cookie: number, now: number): number {
  const tick = Math.floor(now / COOKIE_TICK);
  const age = (tick - (cookie >>> 27)) & 31;
  if (age > 1) return 0;
  const differs = (cookieHash(hash, half, tick - age) ^ cookie) & 0xff_ffff;
  if (differs !== 0) return (differs & 0xfff_000) === 0 ? LATER_SEGMENT : 0;
  return COOKIE_MSS[(cookie >>> 24) & 7];
}

/** What a cookie has no room for travels in the low 6 bits of the timestamp that the peer echoes: shift, SACK, ECN. */
export function cookieTimestamp(half: HalfOpen, clock: number): number {
  const scale = half.scale === -1 ? 15 : half.scale;
  const value = (clock & ~63) | scale | (half.sackOk ? 16 : 0) | (half.ecn ? 32 : 0);
  // Never ahead of the clock: what we send next would look older, and PAWS would drop it.
  return after(value, clock) ? (value - 64) | 0 : value;
}

export function readCookieTimestamp(half: HalfOpen, echoed: number): void {
  const scale = echoed & 15;
  half.scale = scale === 15 ? -1 : scale;
  half.sackOk = (echoed & 16) !== 0;
  half.ecn = (echoed & 32) !== 0;
}
