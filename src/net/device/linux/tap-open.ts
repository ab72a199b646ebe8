/**
 * Opens a Linux TAP: descriptor, offloads, queue. Each thing that can go wrong is one message that says what to do.
 * Numbers are those of linux/if_tun.h and linux/virtio_net.h.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { expectCode, expectSystemError, hasCode } from '../../../errors/codes.js';
import { UserError } from '../../../errors/user-error.js';
import {
  addToBridge,
  checkInterfaceName,
  InterfaceRequest,
  interfaceExists,
  isTap,
  isUp,
  mtuOf,
  setTransmitQueue,
  setUp,
} from '../../../native/interfaces.js';
import {
  EACCES,
  EBUSY,
  EINVAL,
  ENODEV,
  ENOENT,
  ENXIO,
  EPERM,
  errnoText,
  SystemError,
} from '../../../native/libc/errno.js';
import { type Libc, libc } from '../../../native/libc/libc.js';
import { pinned } from '../../../native/libc/slab.js';

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOWNER = 0x400454cc;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;

const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_MULTI_QUEUE = 0x0100;

const TUN_F_CSUM = 1;
const TUN_F_TSO4 = 2;
const TUN_F_TSO6 = 4;

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

/** Bytes of the virtio-net header before each frame, with `num_buffers`. */
const VNET_HEADER = 10;
/**
 * Frames that may wait for us. With the kernel's 1,000 a burst of 1,024 clients loses some, and each loss costs one of
 * them 200 ms.
 */
const QUEUE_FRAMES = 10_000;
const CLONE_DEVICE = '/dev/net/tun';

export interface TapOptions {
  readonly name: string;
  /** Ask for checksum and segmentation offload. */
  readonly offload: boolean;
  /** The bridge to put it on. */
  readonly bridge?: string | undefined;
}

/** An open TAP. */
export interface OpenTap {
  readonly fd: number;
  readonly name: string;
  /** Bytes before each frame: 12, or 0 without offloads. */
  readonly header: 0 | 10 | 12;
  readonly checksum: boolean;
  readonly segmentation: boolean;
  readonly mtu: number;
}

export function openTap(options: TapOptions): OpenTap {
  return openAttached(options, 1);
}

/**
 * Opens it `count` times (2 to 256): each descriptor is a queue of its own, and the kernel chooses one by the flow of a
 * frame. It sends a flow where the last frame of that flow was written, and after 3 s of silence where a hash of
 * addresses and ports says, which is always the same as long as the number of queues is.
 */
export function openTapQueues(options: TapOptions, count: number): OpenTap[] {
  const taps: OpenTap[] = [];
  try {
    while (taps.length < count) taps.push(openAttached(options, count));
    // With queues for several programs the kernel lets any other program that may open it have one, too, and a share of
    // the frames.
    if (queuesOf(options.name) > count) throw new UserError(inUse(options.name), 'in-use');
    return taps;
  } catch (error) {
    for (const { fd } of taps) libc().close(fd);
    throw error;
  }
}

/** Queues that are open, in any program; 0 where the kernel does not report them. */
function queuesOf(name: string): number {
  try {
    return readdirSync(`/sys/class/net/${name}/queues`).filter((one) => one.startsWith('tx-')).length;
  } catch (error) {
    // No /sys, or that of another network namespace.
    expectSystemError(error);
    return 0;
  }
}

function openAttached(options: TapOptions, queues: number): OpenTap {
  const c = libc();
  const { name, bridge } = options;
  checkInterfaceName(name);
  if (bridge !== undefined && !interfaceExists(bridge)) {
    throw new UserError(`there is no bridge ${bridge}; make it with "sudo sitekernel host up --bridge ${bridge}"`);
  }
  const existed = interfaceExists(name);
  const fd = openClone(c);
  try {
    const vnet = attach(c, fd, { name, existed, queues }, options.offload);
    const offloads = vnet ? setOffloads(c, fd) : 0;
    prepareInterface(name, bridge);
    return {
      fd,
      name,
      header: vnet ? VNET_HEADER : 0,
      checksum: (offloads & TUN_F_CSUM) !== 0,
      segmentation: (offloads & TUN_F_TSO4) !== 0,
      mtu: mtuOf(name),
    };
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

function openClone(c: Libc): number {
  const fd = c.open(CLONE_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const errno = c.errno();
  if (errno === ENOENT) {
    throw new UserError(
      `there is no ${CLONE_DEVICE}; load the driver with "modprobe tun" (in a container: --device ${CLONE_DEVICE})`,
    );
  }
  if (errno === ENODEV || errno === ENXIO) {
    throw new UserError(`${CLONE_DEVICE} has no driver behind it; load it with "modprobe tun"`);
  }
  if (errno === EACCES || errno === EPERM) {
    throw new UserError(
      `no permission to open ${CLONE_DEVICE}; run as root, or let this user open it with "sudo chmod a+rw ${CLONE_DEVICE}"`,
    );
  }
  throw new SystemError(`open ${CLONE_DEVICE}`, errno);
}

/** The interface that is asked for: whether it was there before, and the queues that it is to have. */
interface WantedTap {
  readonly name: string;
  readonly existed: boolean;
  readonly queues: number;
}

/**
 * Binds the descriptor to the interface, which is made unless it exists. Returns whether frames carry a virtio-net
 * header.
 */
function attach(c: Libc, fd: number, wanted: WantedTap, offload: boolean): boolean {
  const { name, existed, queues } = wanted;
  const request = new InterfaceRequest();
  const own = queues > 1 ? IFF_MULTI_QUEUE : 0;
  const vnet = offload ? [IFF_VNET_HDR, 0] : [0];
  let errno = 0;
  // One that was made for several queues is opened by that flag alone, also where one is enough.
  for (const multiple of existed && own === 0 ? [0, IFF_MULTI_QUEUE] : [own]) {
    for (const header of vnet) {
      errno = setInterface(c, fd, request, name, IFF_TAP | IFF_NO_PI | header | multiple);
      if (errno !== 0) continue;
      // Where another program has a queue of it, it is not free.
      if (multiple !== own && queuesOf(name) > 1) throw new UserError(inUse(name), 'in-use');
      return header !== 0;
    }
    if (errno !== EINVAL) break;
  }
  throw new UserError(attachError(wanted, errno));
}

/** Returns 0 or the errno. */
function setInterface(c: Libc, fd: number, request: InterfaceRequest, name: string, flags: number): number {
  request.named(name);
  request.view.setUint16(16, flags, true);
  return c.ioctl(fd, TUNSETIFF, request.address) < 0 ? c.errno() : 0;
}

function inUse(name: string): string {
  return `TAP ${name} is in use by another process; stop that one, or choose another name with --tap`;
}

function attachError({ name, existed, queues }: WantedTap, errno: number): string {
  if (errno === EBUSY) return inUse(name);
  if (errno === EPERM || errno === EACCES) {
    return existed
      ? `no permission to use ${name}: it belongs to another user; run as that user, as root, or make one for this user with "sudo sitekernel host up --bridge BRIDGE --tap ${name} --user USER"`
      : `no permission to make TAP ${name}; run as root, or make one for this user with "sudo sitekernel host up --bridge BRIDGE --tap ${name} --user USER"`;
  }
  if (errno === EINVAL && existed && queues > 1 && isTap(name)) {
    return `TAP ${name} has a single queue, and --workers needs one for each; remove it with "sudo ip link delete ${name}", then make it with "sudo sitekernel host up --bridge BRIDGE --tap ${name} --user USER --multi-queue"; or leave --workers out`;
  }
  if (errno === EINVAL && existed) return `${name} exists and is not a TAP; choose another name with --tap`;
  return `cannot open TAP ${name}: ${errnoText(errno)}`;
}

/** Asks for as much as the kernel gives. Returns the TUN_F bits that it took. */
function setOffloads(c: Libc, fd: number): number {
  const size = pinned(4);
  new DataView(size.bytes.buffer, size.bytes.byteOffset, 4).setInt32(0, VNET_HEADER, true);
  if (c.ioctl(fd, TUNSETVNETHDRSZ, size.address) < 0) {
    throw new SystemError('set the size of the virtio-net header', c.errno());
  }
  // Segmentation is for both families or none: a connection does not ask which one it has.
  for (const bits of [TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, TUN_F_CSUM]) {
    if (c.ioctl(fd, TUNSETOFFLOAD, bits) === 0) return bits;
  }
  // Another program may have left them set on a persistent TAP.
  c.ioctl(fd, TUNSETOFFLOAD, 0);
  return 0;
}

/** Queue, bridge, up. A user who owns the TAP may do none of it, and need not where the host was prepared. */
function prepareInterface(name: string, bridge: string | undefined): void {
  unlessForbidden(() => setTransmitQueue(name, QUEUE_FRAMES));
  if (bridge !== undefined) joinBridge(bridge, name);
  if (isUp(name)) return;
  try {
    setUp(name, true);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    throw new UserError(`TAP ${name} is down and this user may not set it up; run "sudo ip link set ${name} up"`);
  }
}

function joinBridge(bridge: string, name: string): void {
  try {
    addToBridge(bridge, name);
  } catch (error) {
    if (hasCode(error, 'EBUSY')) {
      const other = bridgeOf(name);
      if (other === undefined || other === bridge) return;
      throw new UserError(
        `${name} is on the bridge ${other} already; name that one with --bridge, or take it off there`,
      );
    }
    // Linux's EOPNOTSUPP has the number of ENOTSUP, and Node knows it by that name.
    if (hasCode(error, 'ENOTSUP'))
      throw new UserError(
        `${bridge} is not a bridge; name one, or make one with "sudo sitekernel host up --bridge br0"`,
      );
    if (isForbidden(error)) {
      throw new UserError(
        `no permission to put ${name} on ${bridge}; run as root, or prepare both with "sudo sitekernel host up --bridge ${bridge} --tap ${name} --user USER"`,
      );
    }
    throw error;
  }
}

/** The bridge that `name` is a port of, where the kernel reports it; undefined where it does not. */
function bridgeOf(name: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/master`));
  } catch (error) {
    expectCode(error, 'ENOENT');
    return undefined;
  }
}

function unlessForbidden(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return hasCode(error, 'EPERM', 'EACCES');
}

/**
 * Makes a TAP that outlives this process and that `uid` may open, for several queues at once if asked for. For
 * preparing a host.
 */
export function makePersistentTap(name: string, uid: number, multiQueue = false): void {
  const c = libc();
  checkInterfaceName(name);
  const existed = interfaceExists(name);
  const fd = openClone(c);
  try {
    attach(c, fd, { name, existed, queues: multiQueue ? 2 : 1 }, true);
    if (c.ioctl(fd, TUNSETOWNER, uid) < 0) throw new SystemError(`give ${name} to user ${uid}`, c.errno());
    if (c.ioctl(fd, TUNSETPERSIST, 1) < 0) throw new SystemError(`keep ${name}`, c.errno());
    setTransmitQueue(name, QUEUE_FRAMES);
  } finally {
    c.close(fd);
  }
}

/** Removes a TAP that was made to stay. */
export function removePersistentTap(name: string): void {
  const c = libc();
  const fd = openClone(c);
  try {
    attach(c, fd, { name, existed: true, queues: 1 }, true);
    if (c.ioctl(fd, TUNSETPERSIST, 0) < 0) throw new SystemError(`remove ${name}`, c.errno());
  } finally {
    c.close(fd);
  }
}
