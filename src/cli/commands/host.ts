/** `sitekernel host up|down`: the bridge and the TAP that a server without root needs. */
import { execFileSync } from 'node:child_process';
import { hasCode } from '../../errors/codes.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import {
  addBridge,
  addToBridge,
  checkInterfaceName,
  hardwareAddress,
  hardwareType,
  interfaceExists,
  isBridge,
  isPort,
  isTap,
  removeBridge,
  removeFromBridge,
  setHardwareAddress,
  setUp,
} from '../../native/interfaces.js';
import { makePersistentTap, removePersistentTap } from '../../net/device/linux/tap-open.js';
import type { HostOptions } from '../arguments/host.js';
import { moveAddresses } from './uplink.js';

/** ARPHRD_ETHER. */
const ETHERNET = 1;

export function runHost(options: HostOptions): void {
  if (process.getuid?.() !== 0)
    throw new UserError(`"host ${options.action}" changes the network of this machine; run it as root`);
  if (options.user !== undefined && options.tap === undefined)
    throw badUsage('--user needs --tap with the TAP to give to that user');
  if (options.multiQueue && options.tap === undefined)
    throw badUsage('--multi-queue needs --tap with the TAP to make so');
  checkNames(options);
  for (const line of options.action === 'up' ? up(options) : down(options)) process.stdout.write(`${line}\n`);
}

/** Each is the name of an interface of its own. */
function checkNames({ bridge, uplink, tap }: HostOptions): void {
  const names = [bridge, uplink, tap].filter((name) => name !== undefined);
  for (const name of names) checkInterfaceName(name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw badUsage(`${twice} is named twice; bridge, network card and TAP are three interfaces`);
}

/** Throws before anything is changed where a name is that of another kind of interface. */
function checkKinds({ action, bridge, uplink, tap }: HostOptions): void {
  const remedy = (option: string) =>
    action === 'up' ? `choose another name with ${option}` : `name the one that "host up" made`;
  if (interfaceExists(bridge) && !isBridge(bridge))
    throw new UserError(`${bridge} exists and is not a bridge; ${remedy('--bridge')}`);
  if (tap !== undefined && interfaceExists(tap) && !isTap(tap))
    throw new UserError(`${tap} exists and is not a TAP; ${remedy('--tap')}`);
  if (uplink !== undefined && interfaceExists(uplink) && (isBridge(uplink) || hardwareType(uplink) !== ETHERNET))
    throw new UserError(`${uplink} cannot be put on a bridge; name a network card with --uplink`);
}

/** Makes what is missing; what is there stays as it is. Yields a line for each thing done. */
function* up(options: HostOptions): Generator<string> {
  const { bridge, uplink, tap, multiQueue } = options;
  if (uplink !== undefined && !interfaceExists(uplink))
    throw new UserError(`there is no network card ${uplink} to put on ${bridge}`);
  checkKinds(options);
  const uid = tap === undefined ? 0 : userId(options.user ?? process.env['SUDO_USER'] ?? 'root');
  /** Each takes back what was done, where a later step fails. */
  const back: (() => string)[] = [];
  try {
    if (!interfaceExists(bridge)) {
      addBridge(bridge);
      back.push(() => dropBridge(bridge));
      yield `made the bridge ${bridge}`;
    }
    if (tap !== undefined) {
      if (!interfaceExists(tap)) {
        makePersistentTap(tap, uid, multiQueue);
        back.push(() => dropTap(tap));
        yield `made TAP ${tap} for user ${uid}`;
      }
      if (join(bridge, tap)) {
        back.push(() => leave(bridge, tap));
        yield `put ${tap} on ${bridge}`;
      }
    }
    if (uplink !== undefined && join(bridge, uplink)) yield `put ${uplink} on ${bridge}`;
  } catch (error) {
    for (const step of back.reverse()) yield step();
    throw error;
  }
  // A bridge takes over the address of a port; said explicitly, it does not change when a TAP with a lower one joins.
  if (uplink !== undefined) setHardwareAddress(bridge, hardwareAddress(uplink));
  setUp(bridge, true);
  if (uplink !== undefined) {
    setUp(uplink, true);
    yield* moveAddresses(uplink, bridge);
  }
  if (tap !== undefined) setUp(tap, true);
}

function* down(options: HostOptions): Generator<string> {
  const { bridge, uplink, tap } = options;
  checkKinds(options);
  const card = uplink !== undefined && interfaceExists(bridge) && interfaceExists(uplink) ? uplink : undefined;
  if (card !== undefined && !isPort(bridge, card))
    throw new UserError(`${card} is not on ${bridge}; name the card that is, or leave --uplink out`);
  if (tap !== undefined && interfaceExists(tap)) yield dropTap(tap);
  if (!interfaceExists(bridge)) return;
  if (card !== undefined) {
    const line = leave(bridge, card);
    yield* moveAddresses(bridge, card);
    yield line;
  }
  yield dropBridge(bridge);
}

function dropBridge(bridge: string): string {
  setUp(bridge, false);
  removeBridge(bridge);
  return `removed the bridge ${bridge}`;
}

function dropTap(tap: string): string {
  removePersistentTap(tap);
  return `removed TAP ${tap}`;
}

function leave(bridge: string, name: string): string {
  removeFromBridge(bridge, name);
  return `took ${name} off ${bridge}`;
}

/** Returns whether it was not there yet. */
function join(bridge: string, name: string): boolean {
  if (isPort(bridge, name)) return false;
  try {
    addToBridge(bridge, name);
    return true;
  } catch (error) {
    if (hasCode(error, 'EBUSY'))
      throw new UserError(`${name} belongs to another bridge or bond; run "ip link set ${name} nomaster" first`);
    // Linux's EOPNOTSUPP has the number of ENOTSUP: the card may send from its own address alone, as with Wi-Fi.
    if (hasCode(error, 'ENOTSUP', 'ELOOP', 'EINVAL'))
      throw new UserError(`${name} cannot be put on a bridge: its driver does not allow that; name another interface`);
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
