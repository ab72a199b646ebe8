/**
 * Bounds on useless work that a connection may cause. A class of work is counted if it costs the peer less than it
 * costs us, or has no use for the peer. Counts are for intervals of ten seconds; a connection that exceeds one is ended
 * with ENHANCE_YOUR_CALM (RFC 9113 10.5).
 */

/** How long counts last, in milliseconds. */
const STRETCH = 10000;

/** The highest counts in one interval. The numbers of attacks are those of CVE. */
export const BUDGETS = {
  /**
   * Streams that end by RST_STREAM from either side: rapid reset (2023-44487) and resets that the peer provokes
   * (2025-8671).
   */
  resets: 400,
  /** SETTINGS with at least one value, and acknowledgements (2019-9515). */
  settings: 100,
  /** PING (2019-9512). */
  pings: 200,
  /** PRIORITY, and PRIORITY_UPDATE (2019-9513). */
  priorities: 1000,
  /** WINDOW_UPDATE that gives less than `SMALL_WINDOW`, and that leaves less than that (2019-9511, 2019-9517). */
  smallWindows: 2000,
  /** DATA without content that ends nothing (2019-9518), and DATA of less than `SMALL_DATA`. */
  emptyData: 1000,
  /** CONTINUATION (2024-27316 and others); octets are not counted twice. */
  continuations: 100,
  /** Frames of types that are not known (RFC 9113 5.5). */
  unknownFrames: 1000,
  /**
   * Answers to SETTINGS and PING that wait for a peer that does not read (2019-9512, 2019-9515): not per interval, but
   * at one time.
   */
  unreadControls: 64,
  /** Answers wait, and in a whole `send` time the peer took nothing and opened no window (2019-9517). */
  stalls: 0,
} as const;

export type BudgetName = keyof typeof BUDGETS;
const BUDGET_NAMES = Object.keys(BUDGETS) as readonly BudgetName[];
const LIMITS: readonly number[] = Object.values(BUDGETS);

/** WINDOW_UPDATE below this many octets is small, unless all waiting content fits. */
export const SMALL_WINDOW = 1024;
/** DATA with fewer octets of content than this counts, unless it ends its stream. */
export const SMALL_DATA = 16;

export type Budget = number;
export const BUDGET = Object.fromEntries(BUDGET_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<BudgetName, Budget>
>;

/** How often each budget was exceeded, since the start: one for all connections. */
export class BudgetCounts {
  readonly exceeded = new Float64Array(BUDGET_NAMES.length);

  get byName(): Readonly<Record<string, number>> {
    return Object.fromEntries(BUDGET_NAMES.map((name, i) => [name, this.exceeded[i]!]));
  }
}

/** The counts of one connection. */
export class Budgets {
  /** Undefined: nothing was counted. An array of numbers, which takes half of what a typed one takes. */
  #counts: number[] | undefined = undefined;
  /** The interval of the counts. */
  #stretch = 0;

  /** Counts one; false: the budget is exceeded. `now` in milliseconds, as int32. */
  spend(budget: Budget, now: number): boolean {
    const stretch = Math.floor(now / STRETCH);
    this.#counts ??= LIMITS.map(() => 0);
    const counts = this.#counts;
    if (stretch !== this.#stretch) {
      this.#stretch = stretch;
      counts.fill(0);
    }
    if (counts[budget]! >= LIMITS[budget]!) return false;
    counts[budget]!++;
    return true;
  }
}
