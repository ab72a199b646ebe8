/** The shape of metrics of every part. */

/** Numbers of another part, by name: `Network.counters()`. */
export type Numbers = Readonly<Record<string, number>>;

/** One family of Prometheus' format: numbers of one kind under one name. */
export interface Metric {
  /** `sitekernel_http_faults_total`; a counter's ends in `_total`. */
  readonly name: string;
  /** A counter only grows while the process lives. */
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}
