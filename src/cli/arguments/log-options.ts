/** `--log access,net,json`. */

import { UserError } from '../../errors/user-error.js';
import { LOG_CHANNELS, type LogChannel, type LogOptions } from '../../serve/options/log.js';
/**
 * Reads the list; `json` alone means all of the usual (access, net) as JSON lines, `common` alone the access log.
 * Throws a `UserError`.
 */
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
    else throw new UserError(`"${name}" cannot be logged; choose of ${LOG_CHANNELS.join(', ')}, all, json and common.`);
  }
  if (json && channels.size === 0) channels.add('access').add('net');
  if (json && common) throw new UserError('the access log is either JSON or in the Common Log Format, not both.');
  if (common) channels.add('access');
  return { channels, json, common };
}
