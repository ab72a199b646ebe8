/** The time of the network's call that is being answered. */
export interface CallClock {
  /** Milliseconds, as int32, which wraps after 24 days: compare differences. */
  readonly now: number;
  /** The same moment in milliseconds since 1970. */
  readonly wallClock: number;
  /** Milliseconds since the network called, with a fraction. */
  sinceCall(): number;
}
