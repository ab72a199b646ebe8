/**
 * Network interfaces of the host by Linux's ioctls (netdevice(7)), without the `ip` program: up and down, bridges,
 * queue lengths. Every function throws a `SystemError` whose message begins with what was tried.
 */

import { UserError } from '../errors/user-error.js';
import { EADDRNOTAVAIL, ENODEV, SystemError } from './libc/errno.js';
import { check, libc } from './libc/libc.js';
import { pinned } from './libc/slab.js';

/** Longest name of an interface, in bytes: IFNAMSIZ without its terminating zero. */
const MAX_INTERFACE_NAME = 15;

const IFREQ_SIZE = 40;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCGIFMTU = 0x8921;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFHWADDR = 0x8927;
const SIOCSIFTXQLEN = 0x8943;
const SIOCGIFINDEX = 0x8933;
const SIOCETHTOOL = 0x8946;
const SIOCDEVPRIVATE = 0x89f0;
const SIOCBRADDBR = 0x89a0;
const SIOCBRDELBR = 0x89a1;
const SIOCBRADDIF = 0x89a2;
const SIOCBRDELIF = 0x89a3;

/** Of linux/ethtool.h: `struct ethtool_drvinfo` and the places of its texts of 32 bytes. */
const ETHTOOL_GDRVINFO = 3;
const DRIVER_INFO_SIZE = 196;
const DRIVER = 4;
const BUS = 100;

/** Of linux/if_bridge.h and the kernel's limit of a bridge. */
const BRCTL_GET_PORT_LIST = 7;
const MAX_PORTS = 1024;

/** What one ioctl reads and writes: `struct ifreq`, a name of 16 bytes and a union of 24. */
export class InterfaceRequest {
  private readonly memory = pinned(IFREQ_SIZE);
  readonly view = new DataView(this.memory.bytes.buffer, this.memory.bytes.byteOffset, IFREQ_SIZE);
  readonly address = this.memory.address;

  /** Empties it and writes `name`. Throws a `UserError` when the name cannot be one. */
  named(name: string): this {
    const bytes = this.memory.bytes.fill(0);
    checkInterfaceName(name);
    bytes.set(new TextEncoder().encode(name));
    return this;
  }

  get name(): string {
    const bytes = this.memory.bytes;
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

/** Throws a `UserError` unless Linux takes `name` for an interface. */
export function checkInterfaceName(name: string): void {
  const length = new TextEncoder().encode(name).length;
  if (length === 0) throw new UserError('the name of a network interface is empty; give one such as tap0');
  if (length > MAX_INTERFACE_NAME) {
    throw new UserError(`interface name "${name}" has ${length} bytes; Linux takes at most ${MAX_INTERFACE_NAME}`);
  }
  if (/[/\s:%]/.test(name) || name.includes('\0') || name === '.' || name === '..') {
    throw new UserError(`"${name}" is not a name for a network interface; use letters, digits, "-", "_" and "."`);
  }
}

let request: InterfaceRequest | undefined;

/** Fills a request for `name` by `prepare`, makes the ioctl on a socket of its own, and lets `read` take the answer. */
function control<T>(
  attempt: string,
  name: string,
  code: number,
  prepare: (view: DataView) => void,
  read: (view: DataView) => T,
): T {
  const c = libc();
  request ??= new InterfaceRequest();
  request.named(name);
  prepare(request.view);
  const fd = kept < 0 ? check(c.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'open a socket') : kept;
  try {
    check(c.ioctl(fd, code, request.address), attempt);
    return read(request.view);
  } finally {
    if (fd !== kept) c.close(fd);
  }
}

let kept = -1;

/** A socket for such questions is open from now on: a process that is sealed opens none. */
export function keepControlSocket(): void {
  if (kept < 0) kept = check(libc().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'open a socket');
}

/** The number of an interface; 0: there is none. */
export function interfaceIndex(name: string): number {
  try {
    return control(`find ${name}`, name, SIOCGIFINDEX, nothing, (view) => view.getInt32(16, true));
  } catch (error) {
    if (error instanceof SystemError) return 0;
    throw error;
  }
}

const nothing = () => undefined;

export function interfaceExists(name: string): boolean {
  return libc().if_nametoindex(name) !== 0;
}

function flagsOf(name: string): number {
  return control(`read the flags of ${name}`, name, SIOCGIFFLAGS, nothing, (view) => view.getInt16(16, true));
}

/** Whether `name` is set up. */
export function isUp(name: string): boolean {
  return (flagsOf(name) & IFF_UP) !== 0;
}

/** Whether `name` is set up and has a carrier. */
export function isRunning(name: string): boolean {
  return (flagsOf(name) & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING);
}

/** Sets `name` up or down. */
export function setUp(name: string, up: boolean): void {
  const flags = flagsOf(name);
  const wanted = up ? flags | IFF_UP : flags & ~IFF_UP;
  if (wanted === flags) return;
  const attempt = `set ${name} ${up ? 'up' : 'down'}`;
  control(attempt, name, SIOCSIFFLAGS, (view) => view.setInt16(16, wanted, true), nothing);
}

/** The IPv4 address that the kernel holds on `name`; undefined: none. */
export function ipv4Of(name: string): string | undefined {
  try {
    return control(`read the address of ${name}`, name, SIOCGIFADDR, nothing, (view) =>
      new Uint8Array(view.buffer, view.byteOffset + 20, 4).join('.'),
    );
  } catch (error) {
    if (error instanceof SystemError && error.errno === EADDRNOTAVAIL) return undefined;
    throw error;
  }
}

/** What kind of link it is: `ARPHRD_ETHER` (1) and the others of linux/if_arp.h. */
export function hardwareType(name: string): number {
  return control(`read the type of ${name}`, name, SIOCGIFHWADDR, nothing, (view) => view.getUint16(16, true));
}

/** Bytes of the largest packet of `name`. */
export function mtuOf(name: string): number {
  return control(`read the MTU of ${name}`, name, SIOCGIFMTU, nothing, (view) => view.getInt32(16, true));
}

/** Frames that may wait in the queue of `name`. */
export function setTransmitQueue(name: string, frames: number): void {
  const attempt = `set the queue length of ${name}`;
  control(attempt, name, SIOCSIFTXQLEN, (view) => view.setInt32(16, frames, true), nothing);
}

/** Six bytes. */
export function hardwareAddress(name: string): Uint8Array {
  return control(`read the MAC address of ${name}`, name, SIOCGIFHWADDR, nothing, (view) =>
    new Uint8Array(view.buffer, view.byteOffset + 18, 6).slice(),
  );
}

export function setHardwareAddress(name: string, mac: Uint8Array): void {
  const attempt = `set the MAC address of ${name}`;
  control(
    attempt,
    name,
    SIOCSIFHWADDR,
    (view) => {
      view.setUint16(16, 1, true); // ARPHRD_ETHER
      new Uint8Array(view.buffer, view.byteOffset + 18, 6).set(mac);
    },
    nothing,
  );
}

/** Whether `name` is a bridge of Linux's own. By an ioctl: /sys may be that of another network namespace. */
export function isBridge(name: string): boolean {
  return driverOf(name)?.driver === 'bridge';
}

/** Whether `name` is a TAP, and no TUN. */
export function isTap(name: string): boolean {
  const found = driverOf(name);
  return found?.driver === 'tun' && found.bus === 'tap';
}

/** Undefined: it is not there, or its driver has no name, as that of `lo`. */
function driverOf(name: string): { driver: string; bus: string } | undefined {
  const { bytes, address } = pinned(DRIVER_INFO_SIZE);
  const info = new DataView(bytes.buffer, bytes.byteOffset, DRIVER_INFO_SIZE);
  info.setUint32(0, ETHTOOL_GDRVINFO, true);
  const text = (at: number) => new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
  try {
    const prepare = (view: DataView) => view.setBigUint64(16, BigInt(address), true);
    return control(`read the driver of ${name}`, name, SIOCETHTOOL, prepare, () => ({
      driver: text(DRIVER),
      bus: text(BUS),
    }));
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/** Whether `name` is a port of `bridge`. */
export function isPort(bridge: string, name: string): boolean {
  const ports = pinned(MAX_PORTS * 4);
  const request = pinned(32);
  new BigUint64Array(request.bytes.buffer, request.bytes.byteOffset, 4).set([
    BigInt(BRCTL_GET_PORT_LIST),
    BigInt(ports.address),
    BigInt(MAX_PORTS),
  ]);
  const prepare = (view: DataView) => view.setBigUint64(16, BigInt(request.address), true);
  control(`list the ports of ${bridge}`, bridge, SIOCDEVPRIVATE, prepare, nothing);
  return new Int32Array(ports.bytes.buffer, ports.bytes.byteOffset, MAX_PORTS).includes(interfaceIndex(name));
}

/** Makes a bridge. */
export function addBridge(name: string): void {
  bridgeControl(`make the bridge ${name}`, SIOCBRADDBR, name);
}

/** Removes a bridge, which must be down. */
export function removeBridge(name: string): void {
  bridgeControl(`remove the bridge ${name}`, SIOCBRDELBR, name);
}

function bridgeControl(attempt: string, code: number, name: string): void {
  checkInterfaceName(name);
  const c = libc();
  request ??= new InterfaceRequest();
  // These two take the name itself.
  request.named(name);
  const fd = check(c.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'open a socket');
  try {
    check(c.ioctl(fd, code, request.address), attempt);
  } finally {
    c.close(fd);
  }
}

/** Puts `name` on `bridge`. */
export function addToBridge(bridge: string, name: string): void {
  port(`put ${name} on the bridge ${bridge}`, bridge, name, SIOCBRADDIF);
}

/** Takes `name` off `bridge`. */
export function removeFromBridge(bridge: string, name: string): void {
  port(`take ${name} off the bridge ${bridge}`, bridge, name, SIOCBRDELIF);
}

function port(attempt: string, bridge: string, name: string, code: number): void {
  const index = interfaceIndex(name);
  if (index === 0) throw new SystemError(attempt, ENODEV);
  control(attempt, bridge, code, (view) => view.setInt32(16, index, true), nothing);
}
