/** What both networks on the kernel's sockets have in common. */
import type { OnFault } from '../../containment.js';
import type { Clock } from '../../flow.js';
import { isLinkLocal, parseIpv6 } from '../../wire/ipv6.js';

/** Connections that may wait to be accepted; the kernel lowers it to its own bound. */
export const BACKLOG = 4096;

export interface SocketNetworkOptions {
  /** The address to listen on, `127.0.0.1` by default. */
  readonly host?: string | undefined;
  /** Further addresses, at the same port. An IPv6 address among several takes no connections over IPv4. */
  readonly further?: readonly string[] | undefined;
  /** Flows at one time; one more is reset as soon as it comes. Default 65,536. */
  readonly maxConnections?: number | undefined;
  readonly clock?: Clock | undefined;
  /**
   * Exceptions in handlers and timers of flows: each ended a connection or a timer, and the network goes on. Without it
   * they are thrown.
   */
  readonly onFault?: OnFault | undefined;
  /**
   * Sockets that listen already (socket activation, a supervisor): each call of `listen` accepts on the next of them,
   * instead of an address and port of its own, until there are no more.
   */
  readonly fds?: readonly number[] | undefined;
  /** The path of a UNIX socket to listen at, which users of its group may connect to. Node's sockets only. */
  readonly path?: string | undefined;
  /** The option of the command line that chooses the port, for error messages. Default `--port`. */
  readonly portOption?: string | undefined;
}

/** A message for an error of `listen` and of `bind`. `option`: what chooses the port. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number, option = '--port'): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use by another program; stop it, or choose another with ${option}`;
    case 'EACCES':
      return `no permission to listen on port ${port}; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another with ${option}`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; choose one of its own with --host`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is not an address, and no name that resolves to one; give one with --host`;
    default:
      if (error.code === 'EINVAL' && isOnLink(host))
        return `${host} is an address on a link that is not named, or not here; the interface stands behind it: fe80::1%eth0`;
      return `cannot listen on ${host} port ${port}: ${error.message}`;
  }
}

/** A link-local address (RFC 4291 2.5.6), with or without zone. */
function isOnLink(host: string): boolean {
  const bytes = parseIpv6(host.split('%')[0]!);
  return bytes !== undefined && isLinkLocal(bytes);
}
