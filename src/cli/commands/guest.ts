/** What process 1 of a machine image starts: the options are on the kernel's command line. */
import { readFileSync } from 'node:fs';
import { isBuilt } from '../../dns/zone/built.js';
import { hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { badUsage } from '../../errors/user-error.js';
import { serveGuest } from '../../serve/guest/guest-serve.js';
import { looksLikeBundle } from '../../store/format/bundle-header.js';
import {
  BootError,
  cardToServeOn,
  devicesThat,
  guestArguments,
  networkCards,
  onPowerButton,
  siteDevice,
} from '../../vm/guest/guest.js';
import { parseArguments } from '../arguments/arguments.js';

export async function runGuest(): Promise<void> {
  try {
    const given = guestArguments(readFileSync('/proc/cmdline', 'utf8'));
    const at = given.indexOf('--interface');
    const card = cardToServeOn(networkCards(), at < 0 ? undefined : given[at + 1]);
    const site = siteDevice(looksLikeBundle);
    const zones = devicesThat(isBuilt).flatMap((device) => ['--zone', device]);
    const task = parseArguments([
      '--net',
      'direct',
      '--hostname',
      'sitekernel',
      '--state',
      '/tmp',
      ...given,
      '--interface',
      card,
      ...zones,
      site,
    ]);
    if (task?.kind !== 'serve') throw new BootError('the command line asks for nothing that can be served');
    onPowerButton(() => process.kill(process.pid, 'SIGTERM'));
    await serveGuest(task);
  } catch (error) {
    // A site that cannot be opened is not another one at the next start.
    if (hasCode(error, 'boot', 'store')) throw badUsage(errorText(error));
    throw error;
  }
}
