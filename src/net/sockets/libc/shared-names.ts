/** The sockets of a name server of several processes: one port over UDP and TCP, and a pair of sockets for each. */
import { UserError } from '../../../errors/user-error.js';
import { errnoCode, SystemError } from '../../../native/libc/errno.js';
import { bindDatagrams } from '../../../native/sockets/bind-datagrams.js';
import { SocketAddress } from '../../../native/sockets/socket-address.js';
import { socketCalls } from '../../../native/sockets/sockets.js';
import type { Endpoint } from '../../flow.js';
import { addressOfName } from '../common/name.js';
import { listenError } from '../common/options.js';
import { openShared } from './shared-listening.js';

export interface SharedNames {
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
  readonly endpoint: Endpoint;
  /** Lets go of all: what no other process holds is closed. */
  close(): void;
}

/** Ports that are tried when the kernel chooses: that of TCP may be in use over UDP. */
const TRIES = 16;

/** `port` 0 lets the kernel choose; `option` chooses it otherwise. Rejects with a `UserError`. Linux only. */
export async function openSharedNames(host: string, port: number, count: number, option: string): Promise<SharedNames> {
  const calls = socketCalls();
  const address = new SocketAddress(calls).accepts(host) ? host : await addressOfName(host);
  for (let tries = 1; ; tries++) {
    const { fds: tcp, endpoint, close } = await openShared(host, port, count, option);
    const udp: number[] = [];
    const closeAll = (): void => {
      close();
      for (const fd of udp.splice(0)) calls.close(fd);
    };
    try {
      // As for TCP: one that shares would take a part of what is another program's.
      calls.close(bindDatagrams(address, endpoint.port));
      for (let i = 0; i < count; i++) udp.push(bindDatagrams(address, endpoint.port, true));
      return { udp, tcp, endpoint, close: closeAll };
    } catch (error) {
      closeAll();
      if (!(error instanceof SystemError)) throw error;
      const code = errnoCode(error.errno);
      if (port !== 0 || tries === TRIES)
        throw new UserError(listenError(Object.assign(new Error(code), { code }), host, port, option));
    }
  }
}
