/**
 * What a supervisor holds for the programs that it starts: the listening sockets, the TAP, or the network card. It
 * stays when they come and go.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { InheritedTap } from '../control/channel.js';
import { Failure } from '../errors/failure.js';
import { EADDRINUSE, SystemError } from '../native/libc/errno.js';
import { libc } from '../native/libc/libc.js';
import { listenOn } from '../native/sockets/listen.js';
import { openPacketSocket } from '../net/device/linux/packet-open.js';
import { type OpenTap, openTap, type TapOptions } from '../net/device/linux/tap-open.js';
import { BACKLOG, listenError } from '../net/sockets/common/options.js';
import type { ServeOptions } from '../serve/options/serve.js';

export interface Held {
  /** Two that are equal are the same socket, TAP or card. */
  readonly key: string;
  /** One; with HTTPS over sockets two, that for HTTP being the second. */
  readonly fds: readonly number[];
  readonly tap: InheritedTap | undefined;
}

/**
 * A card has no one holder, as a TAP has: two programs on it, each with a socket of its own, would both answer. Throws
 * a sentence where that is what `options` ask for beside `held`.
 */
export function checkAlone(options: ServeOptions, held: Held | undefined): void {
  const card = options.net === 'direct' ? options.direct.interface : undefined;
  if (card === undefined || held?.tap?.name !== card || held.key === heldKey(options)) return;
  throw new Failure(
    `${card} is served with other options; --mac and --no-offload stay as they are while a supervisor holds it`,
  );
}

export function heldKey(options: ServeOptions): string {
  if (options.net === 'socket') return `socket ${options.host} ${portsOf(options).join(' ')}`;
  const { interface: card, tap, offload, mac } = options.direct;
  // What a card's socket lets through hangs on our address.
  if (card !== undefined) return `interface ${card} ${offload} ${mac?.join(':') ?? ''}`;
  return `tap ${tap} ${offload}`;
}

/** Those that are listened on, the one of HTTPS first. */
function portsOf({ port, tls }: ServeOptions): number[] {
  return tls === undefined ? [port] : [tls.port, port];
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

/** Opens it. Rejects with a sentence. `given`: listening sockets that were passed to this process. */
export async function hold(options: ServeOptions, given: readonly number[]): Promise<Held> {
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
    const { fd, ...tap } = openFree({ name, bridge, offload });
    return { key, fds: [fd], tap };
  }
  const { host, port } = options;
  const ports = portsOf(options).slice(given.length);
  const address = isIP(host) ? host : (await lookup(host).catch(() => undefined))?.address;
  if (address === undefined)
    throw new Failure(listenError(Object.assign(new Error(), { code: 'ENOTFOUND' }), host, port));
  const fds = [...given];
  for (const one of ports) {
    try {
      fds.push(listenOn(address, one, BACKLOG));
    } catch (error) {
      for (const fd of fds.slice(given.length)) libc().close(fd);
      throw listenFailure(error as Error, host, one);
    }
  }
  return { key, fds, tap: undefined };
}

function openFree(options: TapOptions): OpenTap {
  try {
    return openTap(options);
  } catch (error) {
    const { message } = error as Error;
    throw / is in use by another process/.test(message) ? new InUse(message) : error;
  }
}

/** Somebody else has the port or the TAP. */
export class InUse extends Failure {}

export function release(held: Held): void {
  for (const fd of held.fds) libc().close(fd);
}

function listenFailure(error: Error, host: string, port: number): Failure {
  if (!(error instanceof SystemError)) return new Failure(error.message);
  const sentence = listenError(error, host, port);
  return error.errno === EADDRINUSE ? new InUse(sentence) : new Failure(sentence);
}
