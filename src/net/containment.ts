/**
 * Exceptions within a network: mistakes of ours, or of an owner of flows. Each is contained where it happened (a frame
 * is dropped, a connection reset, what is due rests) and noted here. All are counted; of a fault that goes on and on
 * few are reported.
 */

/** Where a fault happened, and so what it ended. */
export type FaultPlace =
  /** One frame, which is dropped. */
  | 'frame'
  /** A connection, or one that was half open: it is reset and forgotten. */
  | 'connection'
  /** What was due to a part of the stack (ARP, ND, DHCP, fragments): it rests, and is tried again. */
  | 'poll'
  /** A timer of an owner of flows. */
  | 'timer'
  /** One datagram, which is dropped. */
  | 'datagram'
  /** The device: what it was to send or had read is lost. */
  | 'device'
  /** A message of another program or process of ours: it is dropped. */
  | 'program';

/** `unreported`: how many there were at this place since the last report, beside this one. */
export type OnFault = (error: unknown, place: FaultPlace, unreported: number) => void;

/** ms between two reports of the same place: the first pause, doubled by each report, and the longest. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 3_600_000;
/** ms for which a part rests that failed when it was polled. */
const REST = 1000;

interface Reports {
  count: number;
  unreported: number;
  last: number;
  pause: number;
}

export class Containment {
  #onFault: OnFault | undefined;
  readonly #reports = new Map<FaultPlace, Reports>();

  constructor(onFault?: OnFault) {
    this.#onFault = onFault;
  }

  /** Undefined: a fault is contained, and then thrown, as the event `error` is that has no listener. */
  set onFault(listener: OnFault | undefined) {
    this.#onFault = listener;
  }

  /** Faults so far, of all places. */
  get count(): number {
    let sum = 0;
    for (const { count } of this.#reports.values()) sum += count;
    return sum;
  }

  /** By place, with the names of `Network.counters()`; no entry where nothing happened. */
  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#reports].map(([place, { count }]) => [`fault-${place}`, count]));
  }

  /** `now`: ms of any clock that does not go back. Throws `error` where no listener is set, and nothing else. */
  note(error: unknown, place: FaultPlace, now: number): void {
    let reports = this.#reports.get(place);
    if (reports === undefined) {
      reports = { count: 0, unreported: 0, last: Number.NEGATIVE_INFINITY, pause: 0 };
      this.#reports.set(place, reports);
    }
    reports.count++;
    const onFault = this.#onFault;
    if (onFault === undefined) throw error;
    const silence = now - reports.last;
    if (silence < reports.pause) {
      reports.unreported++;
      return;
    }
    // One that has been quiet for twice its pause is reported as if it were the first.
    const goesOn = silence < 2 * reports.pause;
    reports.pause = goesOn ? Math.min(2 * reports.pause, LONGEST_PAUSE) : FIRST_PAUSE;
    reports.last = now;
    const { unreported } = reports;
    reports.unreported = 0;
    attempt(() => onFault(error, place, unreported));
  }
}

/** Does one step of a clean-up, which may fail where a fault has left something unfinished: the next one follows. */
export function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // The fault that led here is the one to report; the log, too, may be what throws.
  }
}

/** What is asked from time to time to do what is due; returns when it wants to be asked again. */
interface Polled {
  poll(now: number): number;
}

/** Polls a part that may fail: after a fault it rests for a second, so that one that stays neither spins nor floods. */
export class GuardedPoll implements Polled {
  // Private to the language: a fault, and what it left, is no state of the stack that a replay compares.
  readonly #faults: Containment;
  readonly #part: Polled;
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(faults: Containment, part: Polled) {
    this.#faults = faults;
    this.#part = part;
  }

  poll(now: number): number {
    if (now < this.#restsUntil) return this.#restsUntil;
    try {
      return this.#part.poll(now);
    } catch (error) {
      this.#restsUntil = now + REST;
      this.#faults.note(error, 'poll', now);
      return this.#restsUntil;
    }
  }
}
