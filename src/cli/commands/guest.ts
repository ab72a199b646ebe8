/** What process 1 of a machine image starts: the options are on the kernel's command line. */
import { readFileSync } from 'node:fs';
import { isBuilt } from '../../dns/zone/built.js';
import { expectCode, hasCode } from '../../errors/codes.js';
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
import { MachineState } from '../../vm/guest/machine-state.js';
import { STATE } from '../../vm/guest/user.js';
import { looksLikeState } from '../../vm/state/state-disk.js';
import { parseArguments } from '../arguments/arguments.js';

/** The state of this machine, or why it has none that lasts. Throws a BootError for several disks. */
function stateOf([device, another]: readonly string[]): MachineState | string {
  if (device === undefined) return 'start the machine with a state disk (run-qemu --state-disk FILE)';
  if (another !== undefined)
    throw new BootError(`there are two state disks, ${device} and ${another}; leave one of them out`);
  try {
    return MachineState.open(device, STATE);
  } catch (error) {
    expectCode(error, 'state-disk');
    return `the state disk ${device} cannot be used: ${errorText(error)}`;
  }
}

export async function runGuest(): Promise<void> {
  try {
    const given = guestArguments(readFileSync('/proc/cmdline', 'utf8'));
    const at = given.indexOf('--interface');
    const card = cardToServeOn(networkCards(), at < 0 ? undefined : given[at + 1]);
    const site = siteDevice(looksLikeBundle);
    const state = stateOf(devicesThat(looksLikeState));
    const zones = devicesThat(isBuilt).flatMap((device) => ['--zone', device]);
    const task = parseArguments([
      '--net',
      'direct',
      '--hostname',
      'sitekernel',
      '--state',
      STATE,
      ...given,
      '--interface',
      card,
      ...zones,
      site,
    ]);
    if (task?.kind !== 'serve') throw new BootError('the command line asks for nothing that can be served');
    onPowerButton(() => process.kill(process.pid, 'SIGTERM'));
    if (task.dns.dnssec && !(state instanceof MachineState))
      throw new BootError(`dnssec needs a disk that keeps the keys, because the parent zone names them: ${state}`);
    await serveGuest(task, state);
  } catch (error) {
    // A site that cannot be opened is not another one at the next start.
    if (hasCode(error, 'boot', 'store')) throw badUsage(errorText(error));
    throw error;
  }
}
