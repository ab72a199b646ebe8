/**
 * Opens a packet socket (packet(7)) on a network card that the kernel leaves to us. The kernel's own stack must stay
 * silent on it: it may hold no address there, and forward nothing from there. Each thing that can go wrong is one
 * message that says what to do. Numbers are those of linux/if_packet.h, linux/if_ether.h and linux/filter.h.
 */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import { expectCode, expectSystemError } from '../../../errors/codes.js';
import { UserError } from '../../../errors/user-error.js';
import {
  checkInterfaceName,
  hardwareAddress,
  hardwareType,
  interfaceIndex,
  ipv4Of,
  isUp,
  keepControlSocket,
  mtuOf,
  setUp,
} from '../../../native/interfaces.js';
import { EACCES, EPERM, SystemError } from '../../../native/libc/errno.js';
import { check, type Libc, libc } from '../../../native/libc/libc.js';
import { type Pinned, pinned } from '../../../native/libc/slab.js';
import type { OpenDescriptor } from './descriptor-device.js';
import { frameFilter } from './packet-filter.js';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const ETH_P_ALL = 3;
const ARPHRD_ETHER = 1;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_DROP_MEMBERSHIP = 2;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_MULTICAST = 0;
const PACKET_MR_UNICAST = 3;

const ENETDOWN = 100;
const ENXIO = 6;
/** Bytes that may wait for us, and for the card: some thousand frames, or a hundred super-segments. */
const RECEIVE_QUEUE = 4 * 2 ** 20;
const SEND_QUEUE = 4 * 2 ** 20;

export interface PacketOptions {
  /** The network card: `eth0`. */
  readonly name: string;
  /** Send super-segments and unfinished checksums. What arrives may have them in any case. */
  readonly offload: boolean;
  /** Our address on the link, six bytes; undefined: the card's own. */
  readonly mac?: Uint8Array | undefined;
  /** Our IPv4 address where it is known before: no other interface of the machine may hold it. */
  readonly address?: string | undefined;
  /** We speak IPv6 there, and the kernel is not to. */
  readonly ipv6?: boolean | undefined;
  /**
   * A socket that another process opened with the same options, `mac` above all: its filter lets through what is for
   * that.
   */
  readonly opened?: OpenPacketSocket | undefined;
}

/** What a process says of its packet socket to another one that gets it. */
type OpenPacketSocket = Pick<OpenDescriptor, 'fd' | 'name' | 'header' | 'checksum' | 'segmentation' | 'mtu'>;

export function openPacketSocket(options: PacketOptions): OpenDescriptor {
  const c = libc();
  const { name } = options;
  checkInterfaceName(name);
  const index = c.if_nametoindex(name);
  if (index === 0) {
    throw new UserError(
      `there is no network interface ${name}; there ${listed(interfaceNames())}; name one with --interface`,
    );
  }
  if (options.opened !== undefined) return describe(options.opened, index, options.mac ?? hardwareAddress(name));
  const fd = openSocket(c, name);
  try {
    checkIsOurs(name, options.address);
    const own = hardwareAddress(name);
    const mac = options.mac ?? own;
    setFlag(c, fd, PACKET_IGNORE_OUTGOING);
    const vnet = setFlag(c, fd, PACKET_VNET_HDR);
    // Before it is bound, so that no frame passes unfiltered.
    attachFilter(c, fd, mac);
    setQueue(c, fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_QUEUE);
    setQueue(c, fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_QUEUE);
    bringUp(name);
    silenceKernel(name);
    if (options.ipv6 === true) silenceIpv6(name);
    bindTo(c, fd, index);
    if (!mac.every((byte, i) => byte === own[i])) hearAlso(c, fd, index, mac);
    const offload = vnet && options.offload;
    const what = {
      fd,
      name,
      header: vnet ? 10 : 0,
      checksum: offload,
      segmentation: offload,
      mtu: mtuOf(name),
    } as const;
    return describe(what, index, mac);
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

function describe(opened: OpenPacketSocket, index: number, mac: Uint8Array): OpenDescriptor {
  const { name } = opened;
  // `gone` is asked when the process is sealed.
  keepControlSocket();
  return {
    ...opened,
    title: `the network interface ${name}`,
    mac,
    // Down comes as ENETDOWN, and the interface may come up again; removed comes so too, and writes end in ENXIO.
    gone: (errno) => errno === ENXIO || (errno === ENETDOWN && interfaceIndex(name) !== index),
  };
}

function openSocket(c: Libc, name: string): number {
  // Protocol 0: nothing arrives until it is bound.
  const fd = c.socket(AF_PACKET, SOCK_RAW_NONBLOCK_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const errno = c.errno();
  if (errno === EPERM || errno === EACCES) {
    throw new UserError(
      `no permission for a packet socket on ${name}; run as root, or give this Node the right with "sudo setcap cap_net_raw,cap_net_admin+ep ${process.execPath}"`,
    );
  }
  throw new SystemError('open a packet socket', errno);
}

/** Throws a `UserError` where the kernel, or another program, uses the card. */
function checkIsOurs(name: string, address: string | undefined): void {
  if (hardwareType(name) !== ARPHRD_ETHER) {
    throw new UserError(`${name} is no Ethernet interface; name a network card with --interface`);
  }
  const held = ipv4Of(name);
  if (held !== undefined) {
    throw new UserError(
      `the kernel holds the address ${held} on ${name} and would answer beside us; take it away with "ip address flush dev ${name}", or use a TAP`,
    );
  }
  const master = masterOf(name);
  if (master !== undefined) {
    throw new UserError(
      `${name} is a port of ${master}, which takes its frames; use a TAP on that with --tap tap0 --bridge ${master}, or take ${name} off with "ip link set ${name} nomaster"`,
    );
  }
  if (address === undefined) return;
  for (const [other, held] of Object.entries(networkInterfaces())) {
    if (held?.some((one) => one.address === address)) {
      throw new UserError(
        `the kernel holds ${address} on ${other} and would answer for it on ${name} too; take it away with "ip address delete ${address} dev ${other}", or choose another address`,
      );
    }
  }
}

/** The bridge or bond that it is part of. */
function masterOf(name: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/master`));
  } catch (error) {
    expectCode(error, 'ENOENT');
    return undefined;
  }
}

function interfaceNames(): string[] {
  try {
    // /proc/net is that of our own namespace, whatever is mounted at /sys.
    const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2);
    return lines.map((line) => line.split(':')[0]!.trim()).filter((one) => one !== '' && one !== 'lo');
  } catch (error) {
    // No /proc: the names were for a message only.
    expectSystemError(error);
    return [];
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'is none but lo';
  return `${names.length === 1 ? 'is' : 'are'} ${names.slice(0, 8).join(', ')}`;
}

function bringUp(name: string): void {
  if (isUp(name)) return;
  try {
    setUp(name, true);
  } catch (error) {
    expectCode(error, 'EPERM', 'EACCES');
    throw new UserError(`${name} is down and this user may not set it up; run "sudo ip link set ${name} up"`);
  }
}

/**
 * Without an address on the card the kernel neither answers ARP for ours nor resets connections to it. But a host that
 * forwards would send on what is for us, or report to our clients by ICMP that we cannot be reached. It may do neither
 * with frames from this card.
 */
function silenceKernel(name: string): void {
  for (const setting of ['forwarding', 'proxy_arp']) {
    const file = `/proc/sys/net/ipv4/conf/${name}/${setting}`;
    if (!existsSync(file) || readFileSync(file, 'utf8').trim() === '0') continue;
    try {
      writeFileSync(file, '0');
    } catch (error) {
      expectSystemError(error);
      throw new UserError(
        `the kernel forwards what arrives on ${name}, and so what is for us; run "sudo sysctl -w net.ipv4.conf.${name}.${setting}=0"`,
      );
    }
  }
}

/** The kernel would take an address of its own there, answer routers and listener queries, and confuse both. */
function silenceIpv6(name: string): void {
  const file = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  if (!existsSync(file) || readFileSync(file, 'utf8').trim() === '1') return;
  const held = networkInterfaces()[name]?.find((one) => one.family === 'IPv6' && !one.address.startsWith('fe80:'));
  if (held !== undefined) {
    throw new UserError(
      `the kernel holds the address ${held.address} on ${name} and would answer beside us; take it away with "ip -6 address flush dev ${name}", or leave IPv6 to it with --no-ipv6`,
    );
  }
  try {
    writeFileSync(file, '1');
  } catch (error) {
    expectSystemError(error);
    throw new UserError(
      `the kernel speaks IPv6 on ${name} beside us; run "sudo sysctl -w net.ipv6.conf.${name}.disable_ipv6=1", or leave IPv6 to it with --no-ipv6`,
    );
  }
}

/** Returns 0, or less where the kernel does not know it. */
function setOption(c: Libc, fd: number, level: number, option: number, value: Pinned): number {
  return c.setsockopt(fd, level, option, value.address, value.bytes.length);
}

function int32(value: number): Pinned {
  const memory = pinned(4);
  new DataView(memory.bytes.buffer, memory.bytes.byteOffset, 4).setInt32(0, value, true);
  return memory;
}

/** Returns whether the kernel knows it. */
function setFlag(c: Libc, fd: number, option: number): boolean {
  return setOption(c, fd, SOL_PACKET, option, int32(1)) === 0;
}

/** Beyond the system's bound where we may; as far as it goes elsewhere. */
function setQueue(c: Libc, fd: number, force: number, plain: number, bytes: number): void {
  // The kernel doubles the value that it is given, for its own accounting.
  const value = int32(bytes / 2);
  if (setOption(c, fd, SOL_SOCKET, force, value) < 0) setOption(c, fd, SOL_SOCKET, plain, value);
}

function attachFilter(c: Libc, fd: number, mac: Uint8Array): void {
  const code = frameFilter(mac);
  const program = pinned(code.length);
  program.bytes.set(code);
  // struct sock_fprog: a count, and a pointer.
  const header = pinned(16);
  const view = new DataView(header.bytes.buffer, header.bytes.byteOffset, 16);
  view.setUint16(0, code.length / 8, true);
  view.setBigUint64(8, BigInt(program.address), true);
  check(setOption(c, fd, SOL_SOCKET, SO_ATTACH_FILTER, header), 'attach a filter to the packet socket');
}

function bindTo(c: Libc, fd: number, index: number): void {
  // struct sockaddr_ll
  const address = pinned(20);
  const view = new DataView(address.bytes.buffer, address.bytes.byteOffset, 20);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL, false);
  view.setInt32(4, index, true);
  check(c.bind(fd, address.address, 20), 'bind the packet socket');
}

/**
 * Has the card take frames for `mac` too: a second address in its filter, or everything where it has no such filter.
 */
function hearAlso(c: Libc, fd: number, index: number, mac: Uint8Array): void {
  const request = membership(index, PACKET_MR_UNICAST, mac);
  check(setOption(c, fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request), 'have the card take our address');
}

/** Has the card take frames to a group, or not any more. One that is not there is left as it is. */
export function hearGroup(c: Libc, fd: number, index: number, group: Uint8Array, wanted: boolean): void {
  const option = wanted ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP;
  const request = membership(index, PACKET_MR_MULTICAST, group);
  const done = setOption(c, fd, SOL_PACKET, option, request);
  if (wanted) check(done, 'have the card take frames to a group');
}

/** struct packet_mreq */
function membership(index: number, type: number, mac: Uint8Array): Pinned {
  const request = pinned(16);
  const view = new DataView(request.bytes.buffer, request.bytes.byteOffset, 16);
  view.setInt32(0, index, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 6, true);
  request.bytes.set(mac, 8);
  return request;
}
