/**
 * SYN cookies (RFC 4987 3.6). Past the bound of the SYN queue the peer remembers the connection for us, so that a flood
 * costs no memory and a client that comes meanwhile is served.
 */
import { dropReason } from '../../drops.js';
import type { Datagram } from '../../ip/contracts/datagram.js';
import type { Segment } from '../../wire/tcp.js';
import { after } from '../numbers/sequence.js';
import type { TcpContext } from '../state/connection.js';
import { establish } from './establish.js';
import { HalfOpen } from './half-open.js';

const COOKIE_INVALID = dropReason('tcp-cookie-invalid');

/** MSS values that a cookie can carry: 3 bits. */
const COOKIE_MSS = [1, 64, 536, 1200, 1300, 1400, 1440, 1460];
/** A cookie's counter ticks once a minute; a cookie lives for two ticks (RFC 4987 3.6 suggests minutes). */
const COOKIE_TICK = 60_000;

/** What an ACK without a connection was. */
export const NOT_OURS = 0;
export const TOO_SOON = 1;
export const OPENED = 2;

export class SynCookies {
  private since = Number.NEGATIVE_INFINITY;

  constructor(private readonly layer: TcpContext) {}

  /** Since one was sent, ms; -1: none was. */
  age(now: number): number {
    return this.since === Number.NEGATIVE_INFINITY ? -1 : now - this.since;
  }

  /** The layer that this one took over from sent one at `when`. */
  was(when: number | undefined): void {
    if (when !== undefined) this.since = Math.max(this.since, when);
  }

  /** Makes the ISS of `one` a cookie, and keeps of `one` only what a cookie can carry. */
  make(one: HalfOpen, now: number): void {
    const { layer } = this;
    // Without timestamps a cookie can keep the MSS only.
    if (!one.timestamps) {
      one.scale = -1;
      one.sackOk = one.ecn = false;
    }
    one.iss = makeCookie(layer, one, now + layer.clocks.offset);
    layer.counters.cookies++;
    this.since = now;
  }

  /** An ACK for which nothing is remembered: is it the answer to a cookie of ours? */
  input(segment: Segment, datagram: Datagram, ports: number): typeof NOT_OURS | typeof TOO_SOON | typeof OPENED {
    const { layer } = this;
    const { source, destination, now } = datagram;
    const route = now - this.since > 120_000 ? undefined : layer.ip.route(source);
    if (route === undefined) return NOT_OURS;
    const one = new HalfOpen(route, destination, source, ports);
    one.irs = (segment.seq - 1) | 0;
    one.iss = (segment.ack - 1) | 0;
    one.mss = checkCookie(layer, one, one.iss, now + layer.clocks.offset);
    if (one.mss <= 0) {
      layer.drops.count(COOKIE_INVALID);
      // This is a later segment: the first one was lost, and only its sequence number can be taken. The first one will
      // come again; a RST would end it.
      return one.mss === LATER_SEGMENT ? TOO_SOON : NOT_OURS;
    }
    one.tsOffset = layer.clocks.timestampOffset(destination, source);
    if (segment.timestamps) {
      one.timestamps = true;
      one.tsRecent = segment.tsVal;
      readCookieTimestamp(one, segment.tsEcr);
    }
    establish(layer, one, segment, datagram);
    return OPENED;
  }
}

/** 12 bits that depend on the four-tuple and the time, and 12 that depend on the initial sequence number too. */
function cookieHash(layer: TcpContext, half: HalfOpen, tick: number): number {
  const { hash } = layer;
  const remote = layer.clocks.digest(half.remoteAddress);
  const local = layer.clocks.digest(half.localAddress) ^ tick;
  const who = hash.of(remote, local, half.ports, 0xc00c) & 0xfff;
  const all = hash.of(remote, local, half.ports, half.irs) & 0xfff;
  return (who << 12) | all;
}

/** The ISS of a half-open connection that is not remembered: 5 bits counter, 3 bits MSS, 24 bits hash. */
function makeCookie(layer: TcpContext, half: HalfOpen, now: number): number {
  const tick = Math.floor(now / COOKIE_TICK);
  let index = 0;
  for (let i = 0; i < COOKIE_MSS.length; i++) if (COOKIE_MSS[i] <= half.mss) index = i;
  return ((tick & 31) << 27) | (index << 24) | cookieHash(layer, half, tick);
}

/** `checkCookie`: the cookie is ours, but this is not the first segment after the SYN. */
const LATER_SEGMENT = -1;

/** The MSS of a valid cookie, or 0. `half.irs` is what the ACK says of it. */
function checkCookie(layer: TcpContext, half: HalfOpen, cookie: number, now: number): number {
  const tick = Math.floor(now / COOKIE_TICK);
  const age = (tick - (cookie >>> 27)) & 31;
  if (age > 1) return 0;
  const differs = (cookieHash(layer, half, tick - age) ^ cookie) & 0xff_ffff;
  if (differs !== 0) return (differs & 0xfff_000) === 0 ? LATER_SEGMENT : 0;
  return COOKIE_MSS[(cookie >>> 24) & 7];
}

/** What a cookie has no room for travels in the low 6 bits of the timestamp that the peer echoes: shift, SACK, ECN. */
export function cookieTimestamp(half: HalfOpen, clock: number): number {
  const scale = half.scale === -1 ? 15 : half.scale;
  const value = (clock & ~63) | scale | (half.sackOk ? 16 : 0) | (half.ecn ? 32 : 0);
  // Never ahead of the clock: else our next timestamp would look older, and PAWS would drop that segment.
  return after(value, clock) ? (value - 64) | 0 : value;
}

function readCookieTimestamp(half: HalfOpen, echoed: number): void {
  const scale = echoed & 15;
  half.scale = scale === 15 ? -1 : scale;
  half.sackOk = (echoed & 16) !== 0;
  half.ecn = (echoed & 32) !== 0;
}
