/** Chooses between the two networks on the kernel's sockets. What is not needed is not loaded. */

import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { Containment, type OnFault } from '../containment.js';
import type { Datagrams } from '../datagrams.js';
import type { Network } from '../flow.js';
import type { SocketNetworkOptions } from './common/options.js';

/** `libc`: read and written by our own calls (Linux). `node`: Node's sockets, on any system. */
export type SocketKind = 'libc' | 'node';

/** `kind` undefined: `libc` where it can be had. Throws a `UserError` when `libc` is asked for and cannot be had. */
export async function openSocketNetwork(
  options: SocketNetworkOptions = {},
  kind: SocketKind | undefined = undefined,
): Promise<Network> {
  if (kind === 'libc' || (kind === undefined && process.platform === 'linux')) {
    const { OwnSocketNetwork } = await import('./libc/network.js');
    try {
      return new OwnSocketNetwork(options);
    } catch (error) {
      if (kind === 'libc') throw new UserError(`--sockets libc cannot be had here: ${errorText(error)}`);
    }
  }
  const { SocketNetwork } = await import('./node/network.js');
  return new SocketNetwork(options);
}

/**
 * UDP on the kernel's sockets, bound to `host`; `option`: what chooses the port, for error messages. The kinds are as
 * above. `onFault` gets what a handler throws, which is the end of one datagram; without it that is thrown. `given`: a
 * socket that is bound already.
 */
export async function openSocketDatagrams(
  host: string,
  option: string,
  kind?: SocketKind,
  onFault?: OnFault,
  given?: number,
): Promise<Datagrams> {
  const faults = new Containment(onFault);
  if (kind === 'libc' || (kind === undefined && process.platform === 'linux')) {
    const { OwnDatagrams } = await import('./libc/datagrams.js');
    try {
      return new OwnDatagrams(host, option, faults, given);
    } catch (error) {
      if (kind === 'libc') throw new UserError(`--sockets libc cannot be had here: ${errorText(error)}`);
    }
  }
  const { NodeDatagrams } = await import('./node/datagrams.js');
  return new NodeDatagrams(host, option, faults, given);
}
