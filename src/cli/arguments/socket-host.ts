/** `--host` of sockets: what can be neither an address nor a name is bad usage, and not looked up. */
import { isIP } from 'node:net';
import { badUsage } from '../../errors/user-error.js';
import { parseIpv6 } from '../../net/wire/ipv6.js';

/** Returns the text; throws a `UserError` when it is of a form that no address and no name has. */
export function socketHost(text: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  if (bare !== undefined) throw badUsage(`--host ${text}: brackets are for URLs; write --host ${bare}`);
  if (text.includes('/'))
    throw badUsage(`--host ${text}: one address is listened on, nothing of a network; leave "/" and the size out`);
  if (text.includes(':') && parseIpv6(text.split('%')[0]!) === undefined)
    throw badUsage(`--host: "${text}" is not an IPv6 address; write one as in 2001:db8::80, and a port with --port`);
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text) && isIP(text) === 0)
    throw badUsage(`--host: "${text}" is not an IPv4 address; write four numbers of 0 to 255, as in 192.0.2.7`);
  return text;
}
