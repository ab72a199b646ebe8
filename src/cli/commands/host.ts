/** `sitekernel host up|down`: the bridge and the TAP that a server without root needs. */
import { execFileSync } from 'node:child_process';
import { badUsage, UserError } from '../../errors/user-error.js';
import {
  addBridge,
  addToBridge,
  hardwareAddress,
  interfaceExists,
  removeBridge,
  removeFromBridge,
  setHardwareAddress,
  setUp,
} from '../../native/interfaces.js';
import { EBUSY, SystemError } from '../../native/libc/errno.js';
import { makePersistentTap, removePersistentTap } from '../../net/device/linux/tap-open.js';
import type { HostOptions } from '../arguments/host.js';
import { moveAddresses } from './uplink.js';

export function runHost(options: HostOptions): void {
  if (process.getuid?.() !== 0)
    throw new UserError(`"host ${options.action}" changes the network of this machine; run it as root`);
  if (options.user !== undefined && options.tap === undefined)
    throw badUsage('--user needs --tap with the TAP to give to that user');
  if (options.multiQueue && options.tap === undefined)
    throw badUsage('--multi-queue needs --tap with the TAP to make so');
  for (const line of options.action === 'up' ? up(options) : down(options)) process.stdout.write(`${line}\n`);
}

/** Makes what is missing; what is there stays as it is. Yields a line for each thing done. */
function* up(options: HostOptions): Generator<string> {
  const { bridge, uplink, tap, multiQueue } = options;
  if (uplink !== undefined && !interfaceExists(uplink))
    throw new UserError(`there is no network card ${uplink} to put on ${bridge}`);
  const uid = tap === undefined ? 0 : userId(options.user ?? process.env['SUDO_USER'] ?? 'root');
  if (!interfaceExists(bridge)) {
    addBridge(bridge);
    yield `made the bridge ${bridge}`;
  }
  if (uplink !== undefined) {
    // A bridge takes over the address of a port; said explicitly, it does not change when a TAP with a lower one joins.
    setHardwareAddress(bridge, hardwareAddress(uplink));
  }
  setUp(bridge, true);
  if (uplink !== undefined) {
    setUp(uplink, true);
    if (join(bridge, uplink)) yield `put ${uplink} on ${bridge}`;
    yield* moveAddresses(uplink, bridge);
  }
  if (tap !== undefined) {
    if (!interfaceExists(tap)) {
      makePersistentTap(tap, uid, multiQueue);
      yield `made TAP ${tap} for user ${uid}`;
    }
    setUp(tap, true);
    if (join(bridge, tap)) yield `put ${tap} on ${bridge}`;
  }
}

function* down(options: HostOptions): Generator<string> {
  const { bridge, uplink, tap } = options;
  if (tap !== undefined && interfaceExists(tap)) {
    removePersistentTap(tap);
    yield `removed TAP ${tap}`;
  }
  if (!interfaceExists(bridge)) return;
  if (uplink !== undefined && interfaceExists(uplink)) {
    removeFromBridge(bridge, uplink);
    yield* moveAddresses(bridge, uplink);
    yield `took ${uplink} off ${bridge}`;
  }
  setUp(bridge, false);
  removeBridge(bridge);
  yield `removed the bridge ${bridge}`;
}

/** Returns whether it was not there yet. */
function join(bridge: string, name: string): boolean {
  try {
    addToBridge(bridge, name);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === EBUSY) return false;
    throw error;
  }
}

/** The number of a user by name or number. */
function userId(user: string): number {
  if (/^\d+$/.test(user)) return Number(user);
  try {
    return Number(
      execFileSync('id', ['-u', '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
    );
  } catch (error) {
    // It ended with a status, which no error of the operating system has.
    if (typeof (error as { status?: unknown }).status !== 'number') throw error;
    throw new UserError(`there is no user ${user} on this machine; name one with --user`);
  }
}
