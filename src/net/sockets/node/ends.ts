/** Where the two ends of one of Node's sockets are. */
import type { Socket } from 'node:net';
import { isSystemError } from '../../../errors/codes.js';
import { SocketAddress } from '../../../native/sockets/socket-address.js';
import { socketCalls } from '../../../native/sockets/sockets.js';
import type { Endpoint } from '../../flow.js';

const NOWHERE: Endpoint = { address: '', port: 0 };

/** Our end; an empty address where there is none any more. */
export function localEnd(socket: Socket): Endpoint {
  return endOf(socket, 'getsockname', () => ({ address: socket.localAddress ?? '', port: socket.localPort ?? 0 }));
}

/** The peer's end; an empty address where there is none any more. */
export function remoteEnd(socket: Socket): Endpoint {
  return endOf(socket, 'getpeername', () => ({ address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }));
}

function endOf(socket: Socket, call: 'getsockname' | 'getpeername', asked: () => Endpoint): Endpoint {
  try {
    const { address, port } = asked();
    return { address: plain(address), port };
  } catch (error) {
    // Of a link-local peer Node wants the name of the interface, too, and a sealed process is not told that.
    if (!isSystemError(error)) throw error;
    const fd = (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
    return fd < 0 ? NOWHERE : new SocketAddress(socketCalls()).ask(call, fd);
  }
}

/**
 * An IPv4 address that came over a socket for both families is shown as what it is; a link-local address without zone,
 * as on the other kinds of network.
 */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address.replace(/%.*$/, '');
}
