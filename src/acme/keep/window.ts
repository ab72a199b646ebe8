/**
 * When a certificate is renewed: a point of a window, drawn by chance, so that hosts do not come at the same minute.
 */
import type { Random } from '../../net/random.js';

/** Milliseconds since 1970. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** A certificate with a shorter life is renewed at half of it, any other when a third is left. */
const SHORT_LIFE = 10 * DAY;
/** Of a life, to both sides of the point. */
const SPREAD = 0.02;
/** Of a life, before its end: no suggestion puts a renewal off beyond. */
const LAST_CALL = 1 / 20;

/** The window by the life alone. */
export function windowOf({ start, end }: Period): Period {
  const life = Math.max(0, end - start);
  const part = life < SHORT_LIFE ? 1 / 2 : 2 / 3;
  return { start: start + life * (part - SPREAD), end: start + life * (part + SPREAD) };
}

/**
 * A point of `window`, drawn uniformly (RFC 9773 4.2), for a certificate with that life. A window that is over is one
 * that begins now: of an hour at most, so that hosts that were all switched off do not come at once; for an expired
 * certificate it has no length.
 */
export function drawRenewal(window: Period, life: Period, now: number, random: Random): number {
  const unit = (random.random32() >>> 0) / 0x1_0000_0000;
  if (window.end <= now) return now + unit * Math.max(0, Math.min(HOUR, (life.end - now) / 10));
  const drawn = window.start + unit * (window.end - window.start);
  return Math.min(drawn, life.end - (life.end - life.start) * LAST_CALL);
}
