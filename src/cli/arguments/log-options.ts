/** `--log access,net,json`. */

/** What can be logged beside warnings, which always are. */
export const LOG_CHANNELS = ['access', 'net', 'drops'] as const;
export type LogChannel = (typeof LOG_CHANNELS)[number];

export interface LogOptions {
  readonly channels: ReadonlySet<LogChannel>;
  readonly json: boolean;
  /** The Common Log Format, without what Combined adds. */
  readonly common: boolean;
}

/** Reads the list; `json` alone means all of the usual (access, net) as JSON lines, `common` alone the access log. Throws a sentence. */
export function parseLogOption(text: string): LogOptions {
  const channels = new Set<LogChannel>();
  let json = false;
  let common = false;
  const names = text.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (name === 'json') json = true;
    else if (name === 'common') common = true;
    else if (name === 'all') for (const channel of LOG_CHANNELS) channels.add(channel);
    else if ((LOG_CHANNELS as readonly string[]).includes(name)) channels.add(name as LogChannel);
    else throw new Error(`"${name}" cannot be logged; choose of ${LOG_CHANNELS.join(', ')}, all, json and common.`);
  }
  if (json && channels.size === 0) channels.add('access').add('net');
  if (json && common) throw new Error('the access log is either JSON or in the Common Log Format, not both.');
  if (common) channels.add('access');
  return { channels, json, common };
}
