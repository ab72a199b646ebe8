/** What a server writes to its log. */
/** Kinds of messages that can be logged beside warnings, which always are. */
export const LOG_CHANNELS = ['access', 'net', 'drops'] as const;

export type LogChannel = (typeof LOG_CHANNELS)[number];

export interface LogOptions {
  readonly channels: ReadonlySet<LogChannel>;
  readonly json: boolean;
  /** The Common Log Format, without what Combined adds. */
  readonly common: boolean;
}
