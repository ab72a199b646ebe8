/** `--log access,net,json`. */

/** What can be logged beside warnings, which always are. */
export const LOG_CHANNELS = ['access', 'net', 'drops'] as const;
export type LogChannel = (typeof LOG_CHANNELS)[number];

export interface LogOptions {
  readonly channels: ReadonlySet<LogChannel>;
  readonly json: boolean;
}

/** Reads the list; `json` alone means all of the usual (access, net) as JSON lines. Throws a sentence. */
export function parseLogOption(text: string): LogOptions {
  const channels = new Set<LogChannel>();
  let json = false;
  const names = text.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (name === 'json') json = true;
    else if (name === 'all') for (const channel of LOG_CHANNELS) channels.add(channel);
    else if ((LOG_CHANNELS as readonly string[]).includes(name)) channels.add(name as LogChannel);
    else throw new Error(`"${name}" cannot be logged; choose of ${LOG_CHANNELS.join(', ')}, all and json.`);
  }
  if (json && channels.size === 0) channels.add('access').add('net');
  return { channels, json };
}
