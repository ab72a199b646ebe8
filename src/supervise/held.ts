/** What a supervisor holds for the programs that it starts: the listening socket, the TAP, or the network card. It stays when they come and go. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { InheritedTap } from '../control/channel.js';
import { Failure } from '../errors/failure.js';
import { EADDRINUSE, SystemError } from '../native/errno.js';
import { libc } from '../native/libc.js';
import { listenOn } from '../native/listen.js';
import { openPacketSocket } from '../net/device/linux/packet-open.js';
import { type OpenTap, openTap, type TapOptions } from '../net/device/linux/tap-open.js';
import { BACKLOG, listenError } from '../net/sockets/common/options.js';
import type { ServeOptions } from '../serve/options/serve.js';

export interface Held {
  /** Two that are equal are the same socket, TAP or card. */
  readonly key: string;
  readonly fd: number;
  readonly tap: InheritedTap | undefined;
}

/**
 * A card has no one holder, as a TAP has: two programs on it, each with a socket of its own, would both answer. Throws a sentence where that
 * is what `options` ask for beside `held`.
 */
export function checkAlone(options: ServeOptions, held: Held | undefined): void {
  const card = options.net === 'direct' ? options.direct.interface : undefined;
  if (card === undefined || held?.tap?.name !== card || held.key === heldKey(options)) return;
  throw new Failure(
    `${card} is served with other options; --mac and --no-offload stay as they are while a supervisor holds it`,
  );
}

export function heldKey(options: ServeOptions): string {
  if (options.net === 'socket') return `socket ${options.host} ${options.port}`;
  const { interface: card, tap, offload, mac } = options.direct;
  // What a card's socket lets through hangs on our address.
  if (card !== undefined) return `interface ${card} ${offload} ${mac?.join(':') ?? ''}`;
  return `tap ${tap} ${offload}`;
}

/**
 * Connections of one address can go on under a program only if it has the same: socket, TAP, and address.
 */
export function addressKey(options: ServeOptions): string {
  const { static: given, mac } = options.direct;
  const own = options.net === 'direct' ? `${given?.address ?? 'dhcp'} ${mac?.join(':') ?? ''} ${options.port}` : '';
  return `${heldKey(options)} ${own}`;
}

/** Opens it. Rejects with a sentence. `given`: a listening socket that was passed to this process. */
export async function hold(options: ServeOptions, given: number | undefined): Promise<Held> {
  const key = heldKey(options);
  if (options.net === 'direct' && options.direct.interface !== undefined) {
    const { interface: name, offload, mac, static: given } = options.direct;
    const { fd, header, checksum, segmentation, mtu } = openPacketSocket({
      name,
      offload,
      mac,
      address: given?.address,
    });
    return { key, fd, tap: { name, header, checksum, segmentation, mtu } };
  }
  if (options.net === 'direct') {
    const { tap: name, bridge, offload } = options.direct;
    const { fd, ...tap } = openFree({ name, bridge, offload });
    return { key, fd, tap };
  }
  if (given !== undefined) return { key, fd: given, tap: undefined };
  const { host, port } = options;
  const address = isIP(host) ? host : (await lookup(host).catch(() => undefined))?.address;
  if (address === undefined)
    throw new Failure(listenError(Object.assign(new Error(), { code: 'ENOTFOUND' }), host, port));
  try {
    return { key, fd: listenOn(address, port, BACKLOG), tap: undefined };
  } catch (error) {
    throw listenFailure(error as Error, host, port);
  }
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
  libc().close(held.fd);
}

function listenFailure(error: Error, host: string, port: number): Failure {
  if (!(error instanceof SystemError)) return new Failure(error.message);
  const sentence = listenError(error, host, port);
  return error.errno === EADDRINUSE ? new InUse(sentence) : new Failure(sentence);
}
