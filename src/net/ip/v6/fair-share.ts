/**
 * Which entry gives way in a bounded table of what routers advertise. Any station on the link may advertise. A table
 * that took what came first could belong to one station for as long as that likes. Here each station, known by the MAC
 * address of its frames, has at most a share. Where the table is full, one entry of the station with the most entries
 * gives way.
 */
import type { Random } from '../../random.js';

/** The station that an entry belongs to: its MAC address as a number of 48 bits, or one of these. */
export type Station = number;
/** The operator's: it never gives way. */
export const OPERATOR: Station = -1;
/** Of the program before this one: of the station that advertises it next. */
export const PREDECESSOR: Station = -2;

/** What is taken stays this long, ms: duplicate detection has an end, and a flood causes no more work than this. */
export const SETTLING = 1000;

export interface Advertised {
  by: Station;
  /** When it was taken, ms. */
  readonly since: number;
}

/** The station that advertises now. */
export interface Advertiser {
  readonly station: Station;
  /** That of the router which packets go through now; undefined: there is none. */
  readonly gateway: Station | undefined;
}

export const BY_OPERATOR: Advertiser = { station: OPERATOR, gateway: undefined };
export const BY_PREDECESSOR: Advertiser = { station: PREDECESSOR, gateway: undefined };

/** The MAC address `bytes[at..at+6)`. */
export function stationOf(bytes: Uint8Array, at: number): Station {
  let station = 0;
  for (let i = 0; i < 6; i++) station = station * 256 + bytes[at + i];
  return station;
}

/**
 * `one` is advertised again, by `who`. It becomes theirs if no station answers for it yet, or if they are the gateway.
 */
export function advertisedAgain(one: Advertised, who: Advertiser): void {
  if (one.by === PREDECESSOR || (one.by !== OPERATOR && who.station === who.gateway)) one.by = who.station;
}

/** `most`: entries of a table; `share`: those of one station. */
export class FairShare {
  constructor(
    private readonly random: Random,
    private readonly most: number,
    private readonly share: number,
  ) {}

  /**
   * Whether there is room in `list` for another entry of `who`: `true`, or the entry that gives way first; undefined:
   * there is none. `mayGo`: nothing needs it. Looks at each entry a bounded number of times.
   */
  room<T extends Advertised>(
    list: readonly T[],
    who: Advertiser,
    now: number,
    mayGo: (one: T) => boolean,
  ): T | true | undefined {
    const counts = new Map<Station, number>();
    for (const { by } of list) counts.set(by, (counts.get(by) ?? 0) + 1);
    const own = counts.get(who.station) ?? 0;
    const full = list.length >= this.most;
    // The operator's are as many as the operator likes, within the table.
    if (who.station === OPERATOR || own < this.share) {
      if (!full) return true;
    } else return this.choose(list, (one) => one.by === who.station && settled(one, now) && mayGo(one));
    counts.delete(OPERATOR);
    if (who.gateway !== undefined) counts.delete(who.gateway);
    const largest = Math.max(0, ...counts.values());
    const trusted = who.station === who.gateway || who.station === OPERATOR;
    if (!trusted && largest <= own) return undefined;
    return this.choose(
      list,
      (one) => counts.get(one.by) === largest && (trusted || settled(one, now)) && one.by !== who.station && mayGo(one),
    );
  }

  /** By chance: a station that floods does not choose. */
  private choose<T>(list: readonly T[], fits: (one: T) => boolean): T | undefined {
    const candidates = list.filter(fits);
    return candidates[(this.random.random32() >>> 0) % Math.max(1, candidates.length)];
  }
}

function settled(one: Advertised, now: number): boolean {
  return now - one.since >= SETTLING;
}
