/** What process 1 of a machine image starts: the options are on the kernel's command line. */
import { readFileSync } from 'node:fs';
import { looksLikeBundle } from '../store/bundle-header.js';
import { BootError, guestArguments, networkCards, onlyCard, onPowerButton, siteDevice } from '../vm/guest.js';
import { parseArguments } from './arguments.js';
import { badUsage } from './failure.js';
import { serveGuest } from './guest-serve.js';

export async function runGuest(): Promise<void> {
  try {
    const given = guestArguments(readFileSync('/proc/cmdline', 'utf8'));
    const card = given.includes('--interface') ? [] : ['--interface', onlyCard(networkCards())];
    const site = siteDevice(looksLikeBundle);
    const task = parseArguments([
      '--net',
      'direct',
      '--hostname',
      'sitekernel',
      '--state',
      '/tmp',
      ...card,
      ...given,
      site,
    ]);
    if (task?.kind !== 'serve') throw new BootError('the command line asks for nothing that can be served');
    onPowerButton(() => process.kill(process.pid, 'SIGTERM'));
    await serveGuest(task);
  } catch (error) {
    if (error instanceof BootError) throw badUsage(error.message);
    throw error;
  }
}
