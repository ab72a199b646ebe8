/** What a supervisor holds for the programs that it starts: the listening socket, or the TAP. It stays when they come and go. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ServeOptions } from '../cli/arguments.js';
import { Failure } from '../cli/failure.js';
import type { InheritedTap } from '../handover/channel.js';
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, SystemError } from '../native/errno.js';
import { libc } from '../native/libc.js';
import { listenOn } from '../native/unix.js';
import { type OpenTap, openTap, type TapOptions } from '../net/device/tap-open.js';

/** Connections that may wait to be accepted; the kernel lowers it to its own bound. */
const BACKLOG = 4096;

export interface Held {
  /** Two that are equal are the same socket or TAP. */
  readonly key: string;
  readonly fd: number;
  readonly tap: InheritedTap | undefined;
}

export function heldKey(options: ServeOptions): string {
  if (options.net === 'socket') return `socket ${options.host} ${options.port}`;
  const { tap, offload } = options.direct;
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
  if (options.net === 'direct') {
    const { tap: name, bridge, offload } = options.direct;
    const { fd, ...tap } = openFree({ name, bridge, offload });
    return { key, fd, tap };
  }
  if (given !== undefined) return { key, fd: given, tap: undefined };
  const { host, port } = options;
  const address = isIP(host) ? host : (await lookup(host).catch(() => undefined))?.address;
  if (address === undefined) {
    throw new Failure(`${host} is not an address, and no name that resolves to one; give one with --host`);
  }
  try {
    return { key, fd: listenOn(address, port, BACKLOG).fd, tap: undefined };
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
  const errno = error instanceof SystemError ? error.errno : 0;
  if (errno === EADDRINUSE)
    return new InUse(`port ${port} of ${host} is in use by another program; stop it, or choose another with --port`);
  if (errno === EACCES)
    return new Failure(
      `no permission to listen on port ${port}; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another with --port`,
    );
  if (errno === EADDRNOTAVAIL)
    return new Failure(`${host} is not an address of this machine; choose one of its own with --host`);
  return new Failure(`cannot listen on ${host} port ${port}: ${error.message}`);
}
