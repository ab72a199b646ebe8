/** The networks on the kernel's sockets that this machine can have: every rule holds for each of them. */
import type { Network } from '../../../src/net/flow.js';
import type { SocketNetworkOptions } from '../../../src/net/sockets/common/options.js';
import { openSocketNetwork, type SocketKind } from '../../../src/net/sockets/open.js';

export const SOCKET_KINDS: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];

export function openKind(kind: SocketKind, options: SocketNetworkOptions = {}): Promise<Network> {
  return openSocketNetwork(options, kind);
}
