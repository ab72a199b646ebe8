/**
 * What a supervisor holds for the programs that it starts: the listening sockets, the TAP, or the network card. It
 * stays when they come and go.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { InheritedTap } from '../control/channel.js';
import { expectSystemError, hasCode, ifSystemError } from '../errors/codes.js';
import { UserError } from '../errors/user-error.js';
import { libc } from '../native/libc/libc.js';
import { bindDatagrams } from '../native/sockets/bind-datagrams.js';
import { listenOn } from '../native/sockets/listen.js';
import { openPacketSocket } from '../net/device/linux/packet-open.js';
import { openTap } from '../net/device/linux/tap-open.js';
import { BACKLOG, listenError } from '../net/sockets/common/options.js';
import { hasNameSockets } from '../serve/options/dns.js';
import type { ServeOptions } from '../serve/options/serve.js';

export interface Held {
  /** Two that are equal are the same socket, TAP or card. */
  readonly key: string;
  /** One; with HTTPS over sockets two, that for HTTP being the second; a name server's UDP and TCP sockets are last. */
  readonly fds: readonly number[];
  readonly tap: InheritedTap | undefined;
}

/**
 * A card can have several holders, unlike a TAP: two programs on it, each with its own socket, would both answer.
 * Throws a `UserError` where that is what `options` ask for beside `held`.
 */
export function checkAlone(options: ServeOptions, held: Held | undefined): void {
  const card = options.net === 'direct' ? options.direct.interface : undefined;
  if (card === undefined || held?.tap?.name !== card || held.key === heldKey(options)) return;
  throw new UserError(
    `${card} is served with other options; --mac and --no-offload stay as they are while a supervisor holds it`,
  );
}

export function heldKey(options: ServeOptions): string {
  if (options.net === 'socket') {
    const names = hasNameSockets(options) ? ` names ${options.dns.port}` : '';
    return `socket ${options.host} ${portsOf(options).join(' ')}${names}`;
  }
  const { interface: card, tap, offload, mac } = options.direct;
  // What a card's socket lets through hangs on our address.
  if (card !== undefined) return `interface ${card} ${offload} ${mac?.join(':') ?? ''}`;
  return `tap ${tap} ${offload}`;
}

/** Those that are listened on, the one of HTTPS first. */
function portsOf({ port, tls }: ServeOptions): number[] {
  return tls === undefined ? [port] : [tls.port, port];
}

/** What the sockets of `fds` are, in their order. */
function socketsOf(options: ServeOptions): string[] {
  const { host, dns, net } = options;
  if (net !== 'socket') return [];
  const names = hasNameSockets(options) ? [`udp ${host} ${dns.port}`, `tcp ${host} ${dns.port}`] : [];
  return [...portsOf(options).map((port) => `tcp ${host} ${port}`), ...names];
}

/**
 * Connections of one address can go on under a program only if it has the same: socket, TAP, and address.
 */
export function addressKey(options: ServeOptions): string {
  const { static: given, anycast, noIpv4, ipv6, mac } = options.direct;
  const ipv4 = noIpv4
    ? 'none'
    : [given?.address ?? 'dhcp', ...(given?.further ?? []).map((one) => one.address), ...anycast];
  const all = [
    ipv4,
    ...(ipv6 === undefined ? ['none'] : [...ipv6.addresses.map((one) => one.address), ...ipv6.anycast]),
  ];
  const own = options.net === 'direct' ? `${all.join(' ')} ${mac?.join(':') ?? ''} ${portsOf(options).join(' ')}` : '';
  return `${heldKey(options)} ${own}`;
}

/** What is held for other options already. */
export interface Before {
  readonly held: Held;
  readonly options: ServeOptions;
}

/**
 * Opens it. Rejects with a UserError; `in-use`: another process has the port or the TAP. `given`: listening sockets
 * that were passed to this process. `before`: its sockets at the same addresses and ports are held on to.
 */
export async function hold(options: ServeOptions, given: readonly number[], before?: Before): Promise<Held> {
  const key = heldKey(options);
  if (options.net === 'direct' && options.direct.interface !== undefined) {
    const { interface: name, offload, mac, static: given, ipv6 } = options.direct;
    const { fd, header, checksum, segmentation, mtu } = openPacketSocket({
      name,
      offload,
      mac,
      address: given?.address,
      ipv6: ipv6 !== undefined,
    });
    return { key, fds: [fd], tap: { name, header, checksum, segmentation, mtu } };
  }
  if (options.net === 'direct') {
    const { tap: name, bridge, offload } = options.direct;
    const { fd, ...tap } = openTap({ name, bridge, offload });
    return { key, fds: [fd], tap };
  }
  const { host, port } = options;
  const address = isIP(host) ? host : (await lookup(host).catch(ifSystemError(undefined)))?.address;
  if (address === undefined)
    throw new UserError(listenError(Object.assign(new Error(), { code: 'ENOTFOUND' }), host, port));
  const kept = before === undefined ? [] : socketsOf(before.options);
  const fds: number[] = [];
  const opened: number[] = [];
  for (const [i, name] of socketsOf(options).entries()) {
    const old = before?.held.fds[kept.indexOf(name)];
    // What was passed on is for the site.
    if (i < portsOf(options).length && given[i] !== undefined) fds.push(given[i]);
    else if (old !== undefined) fds.push(old);
    else {
      try {
        const fd = openSocket(name, address);
        fds.push(fd);
        opened.push(fd);
      } catch (error) {
        for (const fd of opened) libc().close(fd);
        throw listenFailure(error as Error, host, name, hasNameSockets(options) ? options.dns.port : -1);
      }
    }
  }
  return { key, fds, tap: undefined };
}

/** `name`: one of `socketsOf`. Throws a SystemError. */
function openSocket(name: string, address: string): number {
  const [kind, , port] = name.split(' ');
  return kind === 'udp' ? bindDatagrams(address, Number(port)) : listenOn(address, Number(port), BACKLOG);
}

/** `next`: what it has in common with that stays. */
export function release(held: Held, next?: Held): void {
  for (const fd of held.fds) if (next?.fds.includes(fd) !== true) libc().close(fd);
}

/** `name`: one of `socketsOf`. */
function listenFailure(error: Error, host: string, name: string, names: number): UserError {
  expectSystemError(error);
  const port = Number(name.split(' ')[2]);
  const sentence = listenError(error, host, port, port === names ? '--dns-port' : undefined);
  return new UserError(sentence, hasCode(error, 'EADDRINUSE') ? 'in-use' : 'failed');
}
