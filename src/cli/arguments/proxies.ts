/** Options of the command line about proxies in front. */
import type { Command } from 'commander';
import { badUsage } from '../../errors/user-error.js';
import type { ProxyArguments } from '../../serve/options/proxies.js';
import { addressList } from '../values/address-list.js';
import { oneOf } from '../values/option-values.js';

export interface ProxyFlags {
  trustedProxy?: (address: string) => boolean;
  proxySays?: ProxyArguments['says'];
}

const SAYS: readonly ProxyArguments['says'][] = ['x-forwarded', 'forwarded', 'proxy-protocol'];

export function addProxyOptions(program: Command): Command {
  return program
    .option(
      '--trusted-proxy <list>',
      'believe proxies at these addresses or networks like 10.0.0.0/8 for whom they ask, and over which scheme',
      addressList,
    )
    .option(
      '--proxy-says <how>',
      'how they say it: x-forwarded (-For, -Proto), forwarded (RFC 7239), proxy-protocol (default: x-forwarded)',
      oneOf('--proxy-says', SAYS),
    );
}

/** `secure`: HTTPS is served; `hsts`: seconds, as for it. Throws a `UserError`. */
export function proxyArguments(
  flags: ProxyFlags,
  secure: boolean,
  hsts: number | undefined,
): ProxyArguments | undefined {
  const { trustedProxy: trusts, proxySays: says = 'x-forwarded' } = flags;
  if (trusts === undefined) {
    if (flags.proxySays !== undefined) throw badUsage('--proxy-says needs --trusted-proxy; say whose word that is');
    return undefined;
  }
  return { trusts, says, hsts: secure ? undefined : hsts };
}
